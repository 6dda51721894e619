import type { CheckStatus } from '../findings/trace-stats.ts';
import type { Capabilities, Capability } from '../kernel/source.ts';
import { CAPABILITY_WORDS } from './capability-words.ts';
import type { Paragraph } from './paragraphs.ts';
import { section } from './section.ts';
import type { Page } from './style.ts';
import { bullet, wrap } from './wrap.ts';

/** What the trace shows and what it does not, with what to record to see the rest. */
export function capabilityLists(capabilities: Capabilities, page: Page): Paragraph[] {
  const all = Object.keys(CAPABILITY_WORDS) as Capability[];
  const present = all.filter(capability => capabilities[capability]);
  const missing = all.filter(capability => !capabilities[capability]);
  const list = (texts: readonly string[]): string[] => texts.flatMap(text => bullet(text, page.width));
  return [
    section('This trace shows', list(present.map(capability => CAPABILITY_WORDS[capability].shows)), page),
    section('It does not show', list(missing.map(missingText)), page),
  ];
}

/** Which checks can work on the trace, and why the others cannot. */
export function checkLists(checks: readonly CheckStatus[], page: Page): Paragraph[] {
  const working = checks.filter(({ works }) => works).map(({ rule }) => rule);
  const idle = checks
    .filter(({ works }) => !works)
    .map(({ rule, reason }) => (reason === undefined ? rule : `${rule}: ${reason}`));
  return [
    section(
      'Checks that work on it',
      working.length > 0 ? wrap(working.join(', '), page.width, '  ') : [],
      page,
    ),
    section(
      'Checks that do not',
      idle.flatMap(text => bullet(text, page.width)),
      page,
    ),
  ];
}

function missingText(capability: Capability): string {
  const { shows, record } = CAPABILITY_WORDS[capability];
  return record === undefined ? `${shows}. No recording can.` : `${shows}. To see this, record ${record}.`;
}

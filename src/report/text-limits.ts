import type { CheckReport, InputGap, LossSummary, SkippedCheck } from '../findings/check-report.ts';
import { hex } from '../kernel/units.ts';
import { hasLoss, lossText, lossWindow } from './loss-words.ts';
import type { Paragraph } from './paragraphs.ts';
import { section } from './section.ts';
import type { Page } from './style.ts';
import { bullet, wrap } from './wrap.ts';

/** Gaps that are listed one by one. */
const SHOWN_GAPS = 5;

/** What a reader must know before trusting the verdict: notes, checks that did not run, input that is missing. */
export function limits({ notes, skippedChecks, gaps, lost }: CheckReport, page: Page): Paragraph[] {
  return [aboutTrace(notes, page), notChecked(skippedChecks, page), unreadable(gaps, page), loss(lost, page)];
}

/** Remarks on the trace as a whole. */
export function aboutTrace(notes: readonly string[], page: Page): Paragraph {
  return section(
    'About this trace:',
    notes.flatMap(note => bullet(note, page.width)),
    page,
  );
}

/** Parts of the input that could not be read. */
export function unreadable(gaps: readonly InputGap[], page: Page): Paragraph {
  const hidden = gaps.length - SHOWN_GAPS;
  const lines = gaps
    .slice(0, SHOWN_GAPS)
    .flatMap(gap => bullet(`${gap.file}, offset ${hex(gap.offset)}: ${gap.message}`, page.width));
  if (hidden > 0) lines.push(`    ... ${hidden} more`);
  return section('Parts of the input that could not be read (everything else was):', lines, page);
}

/** A framed block, so that nobody takes a verdict on half of the events for one on all of them. */
export function loss(lost: LossSummary, page: Page): Paragraph {
  if (!hasLoss(lost)) return [];
  const { alarm } = page.style;
  const frame = alarm('*'.repeat(page.width));
  const windows = lost.windows.slice(0, SHOWN_GAPS).map(lossWindow);
  const hidden = lost.windows.length - windows.length;
  const advice =
    'Nothing is known about what happened in these gaps: bugs may be missing here, and findings that rest on ' +
    'them are called possible. A larger buffer (trace-cmd record -b) or fewer events avoid the loss.';
  return [
    frame,
    ...wrap(`EVENTS LOST: ${lossText(lost)}.`, page.width).map(alarm),
    ...windows.flatMap(text => bullet(text, page.width)),
    ...(hidden > 0 ? [`    ... ${hidden} more ${hidden === 1 ? 'gap' : 'gaps'}`] : []),
    ...wrap(advice, page.width),
    frame,
  ];
}

function notChecked(skipped: readonly SkippedCheck[], page: Page): Paragraph {
  const rulesByReason = new Map<string, string[]>();
  for (const { rule, reason } of skipped) {
    const rules = rulesByReason.get(reason) ?? [];
    rulesByReason.set(reason, rules);
    rules.push(rule);
  }
  const lines = [...rulesByReason].flatMap(([reason, rules]) =>
    bullet(`${rules.join(', ')}: ${reason}`, page.width),
  );
  return section('Not checked:', lines, page);
}

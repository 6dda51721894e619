import type { Rule } from '../findings/rule.ts';
import type { Capability } from '../kernel/source.ts';
import { CAPABILITY_WORDS } from './capability-words.ts';
import { joinParagraphs, type Paragraph } from './paragraphs.ts';
import { newPage, type Page } from './style.ts';
import { counted } from './words.ts';
import { wrap } from './wrap.ts';

/** A rule as `iommusan rules --format json` writes it. */
export interface RuleEntry {
  readonly id: string;
  readonly severity: Rule['severity'];
  readonly default: 'on' | 'off';
  readonly title: string;
  readonly needs: readonly Capability[];
  readonly advice: readonly string[];
}

export function ruleEntry({ id, severity, isOffByDefault, title, needs, advice }: Rule): RuleEntry {
  return { id, severity, default: isOffByDefault ? 'off' : 'on', title, needs, advice };
}

/** The rules for people: id, severity, what each finds and what a trace must show for it. */
export function renderRules(
  rules: readonly Rule[],
  options: { readonly color: boolean; readonly width: number },
): string {
  const page = newPage(options.width, options.color);
  const off = rules.filter(({ isOffByDefault }) => isOffByDefault).length;
  const lines = joinParagraphs([
    ...rules.map(rule => ruleLines(rule, page)),
    wrap(
      `${counted(rules.length, 'rule')}, of which ${off} are off by default: check --enable ID runs one beside the others, check --only ID alone. 'iommusan rules ID' explains one.`,
      page.width,
    ),
  ]);
  return `${lines.join('\n')}\n`;
}

function ruleLines(rule: Rule, page: Page): Paragraph {
  const { id, severity, title, needs, isOffByDefault } = rule;
  const shows = needs.map(need => CAPABILITY_WORDS[need].shows);
  return [
    `${page.style.heading(id)}  ${page.style.severity[severity](severity)}${isOffByDefault ? ', off by default' : ''}`,
    ...wrap(title, page.width, '    ', '    '),
    ...(shows.length > 0 ? wrap(`Needs ${shows.join('; ')}.`, page.width, '    ', '    ') : []),
  ];
}

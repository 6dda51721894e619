import type { Finding } from '../findings/finding.ts';
import { labelsOf } from './finding-labels.ts';
import type { Paragraph } from './paragraphs.ts';
import type { Page } from './style.ts';
import { wrap } from './wrap.ts';

/** What a finding is about, one labelled value a line: page, mapping, device, driver, and the facts of its rule. */
export function labelLines(finding: Finding, page: Page): Paragraph {
  const labels = labelsOf(finding);
  const column = Math.max(...labels.map(([name]) => name.length)) + 5;
  return labels.flatMap(([name, value]) =>
    wrap(value, page.width, `  ${name}:`.padEnd(column), ' '.repeat(column)),
  );
}

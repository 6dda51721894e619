import type { Paragraph } from './paragraphs.ts';
import type { Page } from './style.ts';
import { wrap } from './wrap.ts';

/** A heading and what belongs under it; nothing where there is nothing under it. */
export function section(title: string, lines: readonly string[], page: Page): Paragraph {
  return lines.length === 0 ? [] : [...wrap(title, page.width).map(page.style.heading), ...lines];
}

import { newPage, type Page } from './style.ts';
import { wrap } from './wrap.ts';

const FENCE = /^```/;
const HEADING = /^#+\s+(.*)$/;
const BULLET = /^(\s*)[-*] (.*)$/;

/** The page of a rule for a terminal: Markdown without its marks, wrapped; what is between fences stays as it is. */
export function renderRulePage(
  markdown: string,
  options: { readonly color: boolean; readonly width: number },
): string {
  const page = newPage(options.width, options.color);
  let isCode = false;
  const lines = markdown
    .trimEnd()
    .split('\n')
    .flatMap(line => {
      if (FENCE.test(line)) {
        isCode = !isCode;
        return [];
      }
      return isCode ? [`    ${line}`.trimEnd()] : textLines(line, page);
    });
  return `${lines.join('\n')}\n`;
}

function textLines(line: string, page: Page): string[] {
  if (line === '') return [''];
  const heading = HEADING.exec(line)?.[1];
  if (heading !== undefined) return wrap(plain(heading), page.width).map(page.style.heading);
  const [, indent, item] = BULLET.exec(line) ?? [];
  if (indent !== undefined && item !== undefined) {
    return wrap(plain(item), page.width, `${indent}  - `, `${indent}    `);
  }
  return wrap(plain(line), page.width);
}

/** Without the marks of code and emphasis; a link keeps its words and, where it leads out of the pages, its address. */
function plain(text: string): string {
  return text
    .replace(/\[([^\]]+)\]\((https?:[^)]+)\)/g, '$1 ($2)')
    .replace(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .replace(/\*\*([^*]+)\*\*/g, '$1')
    .replaceAll('`', '');
}

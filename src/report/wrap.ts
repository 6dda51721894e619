/**
 * Breaks prose at spaces so that lines fit into `width` columns. A word that is longer than a line, such as a
 * symbol, is left whole.
 *
 * @param first what the first line begins with
 * @param next what each further line begins with
 */
export function wrap(text: string, width: number, first = '', next = first): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = next;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines;
}

/** Lines of a list: `  - text`, wrapped under its text. */
export function bullet(text: string, width: number): string[] {
  return wrap(text, width, '  - ', '    ');
}

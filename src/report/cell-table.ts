import type { Page } from './style.ts';
import { wrap } from './wrap.ts';

/** A column of a table whose cells may be longer than the column is wide. */
export interface CellColumn {
  readonly title: string;
  /** Share of the line that the column gets where not everything fits. */
  readonly share: number;
}

const GAP = 2;

/**
 * Lines of a table as wide as the page, cells wrapped under each other. Where all cells fit, columns are as wide as their
 * widest cell.
 */
export function cellTable(
  columns: readonly CellColumn[],
  rows: readonly (readonly string[])[],
  { width, style }: Page,
): string[] {
  const natural = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map(row => row[index]?.length ?? 0)),
  );
  const room = width - GAP * (columns.length - 1);
  const widths =
    natural.reduce((sum, each) => sum + each, 0) <= room ? natural : shared(columns, natural, room);
  const titles = columns.map(({ title }, index) => title.padEnd(widths[index] ?? 0)).join(' '.repeat(GAP));
  return [style.heading(titles.trimEnd()), ...rows.flatMap(row => rowLines(row, widths))];
}

/** Columns that need less than their share give the rest to the others. */
function shared(columns: readonly CellColumn[], natural: readonly number[], room: number): number[] {
  const widths = natural.map(() => 0);
  let open = columns.map((_, index) => index);
  let left = room;
  for (;;) {
    const shares = open.reduce((sum, index) => sum + (columns[index]?.share ?? 1), 0);
    const allowed = (index: number): number => Math.floor((left * (columns[index]?.share ?? 1)) / shares);
    // No column is narrower than its title.
    const settled = (index: number): number | undefined => {
      const most = natural[index] ?? 0;
      const least = columns[index]?.title.length ?? 0;
      return most <= allowed(index) ? most : least >= allowed(index) ? least : undefined;
    };
    const fitting = open.filter(index => settled(index) !== undefined);
    if (fitting.length === 0) {
      for (const index of open) widths[index] = allowed(index);
      return widths;
    }
    const taken = fitting.map(index => settled(index) ?? 0);
    fitting.forEach((index, at) => {
      widths[index] = taken[at] ?? 0;
    });
    left -= taken.reduce((sum, width) => sum + width, 0);
    open = open.filter(index => !fitting.includes(index));
  }
}

function rowLines(row: readonly string[], widths: readonly number[]): string[] {
  const cells = row.map((cell, index) => (cell === '' ? [] : wrapHard(cell, widths[index] ?? 1)));
  const height = Math.max(1, ...cells.map(lines => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((lines, index) => (lines[line] ?? '').padEnd(widths[index] ?? 0))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}

/** Breaks at spaces, and within a word that is longer than the line. */
function wrapHard(text: string, width: number): string[] {
  return wrap(text, width).flatMap(line => {
    const pieces: string[] = [];
    for (let at = 0; at < line.length; at += width) pieces.push(line.slice(at, at + width));
    return pieces;
  });
}

/** A column of a table: its heading, and whether its cells are numbers, which stand to the right. */
export interface Column {
  readonly title: string;
  readonly numeric?: boolean;
}

/** Lines of a table with a heading, each column as wide as its widest cell, indented by two spaces. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map(row => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ numeric }, index) => {
        const cell = cells[index] ?? '';
        const width = widths[index] ?? 0;
        return numeric ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [columns.map(({ title }) => title), ...rows].map(cells => `  ${line(cells)}`);
}

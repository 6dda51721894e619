/** Lines that belong together. An empty paragraph is one that has nothing to say. */
export type Paragraph = readonly string[];

/** The lines of all paragraphs that have any, with one empty line between two of them. */
export function joinParagraphs(paragraphs: readonly Paragraph[]): string[] {
  const spoken = paragraphs.filter(lines => lines.length > 0);
  return spoken.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

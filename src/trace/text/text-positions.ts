import type { EventLocation } from '../../kernel/source.ts';
import type { Locator } from '../names/trace-names.ts';

/** Bytes of a block: what is kept of a text is the number of the first line of each. */
const BLOCK = 65_536;

/**
 * Positions of events in a text: block, offset of the line in it and number of the line in it, as one integer, so that
 * both come out again of one number and nothing is kept per event.
 */
export class TextPositions implements Locator {
  private readonly file: string;
  /** Of each block, the lines that begin before it. */
  private readonly lines: number[] = [];
  /** The block of the last position: where it begins, its part of positions, and the lines before it. */
  private start = Number.POSITIVE_INFINITY;
  private base = 0;
  private linesBefore = 0;

  constructor(file: string) {
    this.file = file;
  }

  /** The position of the line that begins at `offset`, of which `before` lines come first. */
  of(offset: number, before: number): number {
    if (!(offset >= this.start && offset < this.start + BLOCK)) this.enterBlock(offset, before);
    return this.base + (offset - this.start) * BLOCK + before - this.linesBefore;
  }

  private enterBlock(offset: number, before: number): void {
    const block = Math.floor(offset / BLOCK);
    while (this.lines.length <= block) this.lines.push(before);
    this.start = block * BLOCK;
    this.base = block * BLOCK * BLOCK;
    this.linesBefore = this.lines[block] as number;
  }

  locate(position: number): EventLocation | undefined {
    const block = Math.floor(position / (BLOCK * BLOCK));
    const before = this.lines[block];
    if (position < 0 || before === undefined) return undefined;
    const rest = position - block * BLOCK * BLOCK;
    return {
      file: this.file,
      offset: block * BLOCK + Math.floor(rest / BLOCK),
      line: before + (rest % BLOCK) + 1,
    };
  }
}

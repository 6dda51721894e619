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

  constructor(file: string) {
    this.file = file;
  }

  /** The position of the line that begins at `offset`, of which `before` lines come first. */
  of(offset: number, before: number): number {
    const block = Math.floor(offset / BLOCK);
    while (this.lines.length <= block) this.lines.push(before);
    const inBlock = before - (this.lines[block] as number);
    return block * BLOCK * BLOCK + (offset - block * BLOCK) * BLOCK + inBlock;
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

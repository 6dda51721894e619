import type { EventLocation } from '../../kernel/source.ts';

/**
 * Gives every byte of event data a number, in the order in which it is read, and turns such a number back into a
 * place in the file. One entry is kept per chunk that was read, none per event.
 */
export class Positions {
  private readonly file: string;
  private readonly bases: number[] = [];
  private readonly offsets: number[] = [];
  private readonly compressed: boolean[] = [];
  private readonly files: string[] = [];
  private next = 0;

  constructor(file: string) {
    this.file = file;
  }

  /**
   * Registers `length` bytes of event data stored at `offset`; their first byte gets the returned position.
   *
   * @param file that of the recording where absent
   */
  add(offset: number, length: number, compressed: boolean, file = this.file): number {
    const base = this.next;
    this.bases.push(base);
    this.offsets.push(offset);
    this.compressed.push(compressed);
    this.files.push(file);
    this.next += length;
    return base;
  }

  locate(position: number): EventLocation | undefined {
    if (position < 0 || position >= this.next) return undefined;
    let low = 0;
    let high = this.bases.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.bases[middle] as number) <= position) low = middle;
      else high = middle;
    }
    const inChunk = position - (this.bases[low] as number);
    const offset = this.offsets[low] as number;
    const file = this.files[low] as string;
    return this.compressed[low] ? { file, offset, inChunk } : { file, offset: offset + inChunk };
  }
}

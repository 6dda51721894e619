import { newLineHeader, scanLineHeader } from './line-header.ts';
import { addLosses, LOSS_WORDS, lossMark, scanLossMark, scanPerfLoss } from './loss-mark.ts';
import { NEWLINE } from './scan.ts';

/** Told of a loss: as {@link WalkListener.eventsLost}. */
export type LossListener = (cpu: number, count: number, sinceNs: number, untilNs: number) => void;

/**
 * Looks for marks of loss ahead of the reader. A mark stands where the events of its CPU go on; what other CPUs did in
 * the gap stands before it and must be judged with the gap in mind.
 */
export class LossScout {
  private readonly tell: LossListener;
  /** Time of the last event of a CPU that the reader has come to. */
  private readonly readUntilNs: (cpu: number) => number | undefined;
  private readonly header = newLineHeader();
  /** Losses whose CPU has not gone on yet. */
  private readonly open = new Map<number, { count: number; sinceNs: number }>();
  /** The beginning of a line that the next chunk ends. */
  private rest: Uint8Array = new Uint8Array(0);

  constructor(tell: LossListener, readUntilNs: (cpu: number) => number | undefined) {
    this.tell = tell;
    this.readUntilNs = readUntilNs;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.concat([this.rest, chunk]);
    const lastNewline = bytes.lastIndexOf(NEWLINE);
    this.rest = Uint8Array.from(bytes.subarray(lastNewline + 1));
    if (this.open.size === 0 && !LOSS_WORDS.some(word => bytes.includes(word, 0, 'latin1'))) return;
    const seenNs = new Map<number, number>();
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.line(bytes, start, end, seenNs);
      start = end + 1;
    }
  }

  /** At the end of the text: the CPUs have not gone on. */
  finish(): void {
    const { rest } = this;
    if (rest.length > 0) this.line(rest, 0, rest.length, new Map());
    for (const [cpu, { count, sinceNs }] of this.open) {
      this.tell(cpu, count, sinceNs, Number.POSITIVE_INFINITY);
    }
  }

  private line(bytes: Uint8Array, start: number, end: number, seenNs: Map<number, number>): void {
    const { header } = this;
    if (scanLossMark(bytes, start, end)) {
      this.lost(seenNs);
    } else if (scanLineHeader(bytes, start, end, header)) {
      const { cpu, timeNs } = header;
      if (scanPerfLoss(bytes, header.rest, end, cpu)) {
        this.lost(seenNs);
        return;
      }
      const lost = this.open.get(cpu);
      if (lost) {
        this.open.delete(cpu);
        this.tell(cpu, lost.count, lost.sinceNs, timeNs);
      }
      seenNs.set(cpu, timeNs);
    }
  }

  private lost(seenNs: ReadonlyMap<number, number>): void {
    const { cpu, count } = lossMark;
    const before = this.open.get(cpu);
    if (before) before.count = addLosses(before.count, count);
    else {
      const sinceNs = seenNs.get(cpu) ?? this.readUntilNs(cpu) ?? Number.NEGATIVE_INFINITY;
      this.open.set(cpu, { count, sinceNs });
    }
  }
}

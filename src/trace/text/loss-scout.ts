import { newLineHeader, scanLineHeader } from './line-header.ts';
import { LineSplitter, newlineIn } from './line-splitter.ts';
import { addLosses, lossMark, MARK, MARK_ENDS, PERF_LOSS, scanLossMark, scanPerfLoss } from './loss-mark.ts';

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
  private readonly splitter = new LineSplitter((bytes, start, end) => this.lines(bytes, start, end));
  /** Times of the last events in what was pushed last. */
  private readonly seenNs = new Map<number, number>();

  constructor(tell: LossListener, readUntilNs: (cpu: number) => number | undefined) {
    this.tell = tell;
    this.readUntilNs = readUntilNs;
  }

  push(chunk: Uint8Array): void {
    this.seenNs.clear();
    this.splitter.push(chunk);
  }

  /** At the end of the text: the CPUs have not gone on. */
  finish(): void {
    this.seenNs.clear();
    this.splitter.finish();
    for (const [cpu, { count, sinceNs }] of this.open) {
      this.tell(cpu, count, sinceNs, Number.POSITIVE_INFINITY);
    }
  }

  private lines(bytes: Uint8Array, start: number, end: number): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    if (this.open.size === 0 && !mayHaveMarks(text)) return;
    for (let at = start; at < end; ) {
      const stop = newlineIn(bytes, at, end);
      this.line(bytes, at, stop);
      at = stop + 1;
    }
  }

  private line(bytes: Uint8Array, start: number, end: number): void {
    const { header, seenNs } = this;
    if (scanLossMark(bytes, start, end)) {
      this.lost();
    } else if (scanLineHeader(bytes, start, end, header)) {
      const { cpu, timeNs } = header;
      if (scanPerfLoss(bytes, header.rest, end, cpu)) {
        this.lost();
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

  private lost(): void {
    const { cpu, count } = lossMark;
    const before = this.open.get(cpu);
    if (before) before.count = addLosses(before.count, count);
    else {
      const sinceNs = this.seenNs.get(cpu) ?? this.readUntilNs(cpu) ?? Number.NEGATIVE_INFINITY;
      this.open.set(cpu, { count, sinceNs });
    }
  }
}

/** Whether whole lines may hold marks: they need not be looked at one by one where the words of marks are missing. */
function mayHaveMarks(text: Buffer): boolean {
  if (text.includes(PERF_LOSS, 0, 'latin1')) return true;
  // Its first byte is the rarest: that of the ends stands in nearly all names of flags.
  return text.includes(MARK, 0, 'latin1') && MARK_ENDS.some(end => text.includes(end, 0, 'latin1'));
}

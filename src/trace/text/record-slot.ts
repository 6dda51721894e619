import { newRawEvent, type RawEvent } from '../events/raw-event.ts';
import type { EventKind } from './event-kind.ts';

/** Bytes of a record that most events need, and of a stack. */
const RECORD_BYTES = 256;
const STACK_BYTES = 512;

/** Frames of a stack that are kept: `PERF_MAX_STACK_DEPTH`, far above ftrace's 64. */
const MOST_FRAMES = 128;

/** Bytes of a record at most: `__data_loc` has 16 bits for a place. */
export const LARGEST_RECORD = 0xfff8;

/**
 * One event of a text, written as a record of the ring buffer would be: the handlers of the bindings read it like one.
 * Slots are used again, so that nothing is made per event.
 */
export class RecordSlot {
  readonly event: RawEvent = newRawEvent(true);
  kind: EventKind | undefined;
  bytes: Uint8Array;
  words: Uint32Array;
  /** Whether the stack of the event cannot come any more. */
  settled = false;

  constructor() {
    const buffer = new ArrayBuffer(RECORD_BYTES);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.event.view = new DataView(buffer);
    this.event.words = this.words;
    this.event.stackWords = new Uint32Array(STACK_BYTES >> 2);
  }

  /** Makes room for a record of `size` bytes, keeping what is written. */
  reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const buffer = new ArrayBuffer(
      Math.min(Math.max(size, this.bytes.length * 2) + 7, LARGEST_RECORD + 7) & ~7,
    );
    const bytes = new Uint8Array(buffer);
    bytes.set(this.bytes);
    this.bytes = bytes;
    this.words = new Uint32Array(buffer);
    this.event.view = new DataView(buffer);
    this.event.words = this.words;
  }

  addFrame(high: number, low: number): void {
    const { event } = this;
    const at = event.stackBytes >> 2;
    if (at >= MOST_FRAMES * 2) return;
    if (at + 2 > event.stackWords.length) {
      const words = new Uint32Array(MOST_FRAMES * 2);
      words.set(event.stackWords);
      event.stackWords = words;
    }
    event.stackWords[at] = low;
    event.stackWords[at + 1] = high;
    event.stackBytes += 8;
  }
}

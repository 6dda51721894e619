import type { LineHeader } from './line-header.ts';
import { CLOSE, EQUALS, GREATER, HASH, OPEN, OPEN_SQUARE, SPACE, skipSpaces, TAB } from './scan.ts';

/** Bytes of a header before its time that are kept at most, and words of each. */
const MOST_BYTES = 64;
const DOUBLES = MOST_BYTES / 8;

/** How many headers are kept. */
export const KNOWN_HEADERS = 2048;

/** `PID_MAX_LIMIT`, include/linux/threads.h. */
const LARGEST_PID = 1 << 22;

/** Bytes at the end of headers that tell them apart, beside those of name and task: CPU and flags. */
const TAIL_BYTES = 12;
/** Where headers are taken to end that differ by so few bytes from one another. */
const SAME_LENGTH = 4;

/**
 * What stood before the time in lines that were read: task, CPU and flags come again and again, and are found by their
 * bytes. What the bytes up to the time mean does not depend on what is behind them, for the headers that are kept.
 */
export class KnownHeaders {
  readonly pids = new Int32Array(KNOWN_HEADERS);
  readonly cpus = new Int32Array(KNOWN_HEADERS);
  readonly flags = new Int32Array(KNOWN_HEADERS);
  readonly lengths = new Int32Array(KNOWN_HEADERS);
  /** Whether perf printed it, as 1. */
  readonly isPerf = new Uint8Array(KNOWN_HEADERS);
  /** Whether the name of the task is known, as 1. */
  readonly isNoted = new Uint8Array(KNOWN_HEADERS);
  /** Their bytes as float64 values, as those of a `Literals`. */
  private readonly doubles = new Float64Array(KNOWN_HEADERS * DOUBLES);
  /** Where the tail begins that tells headers apart. */
  private tailAt = 16;

  /** The index of the header that the line at `at` begins with, or -1. No more than {@link MOST_BYTES} are read. */
  find(view: DataView, at: number): number {
    const index = this.indexOf(view, at);
    const { doubles } = this;
    const length = this.lengths[index] as number;
    if (length === 0) return -1;
    let double = index * DOUBLES;
    const last = at + length - 8;
    for (; at < last; at += 8) {
      if (doubles[double++] !== view.getFloat64(at, true)) return -1;
    }
    return doubles[double] === view.getFloat64(last, true) ? index : -1;
  }

  /** Keeps the header of the line at `start`, if lines that begin so always have it. */
  learn(bytes: Uint8Array, view: DataView, start: number, header: LineHeader, isNoted: boolean): void {
    const { timeAt } = header;
    let end = timeAt;
    while (end > start && bytes[end - 1] === SPACE) end--;
    const length = end - start;
    // Behind it a space is looked for, so that a longer word is another header.
    if (header.timeStyle !== 'seconds' || header.pid > LARGEST_PID) return;
    if (length > MOST_BYTES || length < 8 || end === timeAt) return;
    if (!isUnambiguous(bytes, start, end)) return;
    // Nearly all headers of a text have the same length; those that are found elsewhere now are learnt anew.
    if (Math.abs(length - TAIL_BYTES - this.tailAt) > SAME_LENGTH)
      this.tailAt = Math.max(0, length - TAIL_BYTES);
    const index = this.indexOf(view, start);
    this.pids[index] = header.pid;
    this.cpus[index] = header.cpu;
    this.flags[index] = header.flags;
    this.lengths[index] = length;
    this.isPerf[index] = header.isPerf ? 1 : 0;
    this.isNoted[index] = isNoted ? 1 : 0;
    let double = index * DOUBLES;
    for (let at = start; at < end - 8; at += 8) this.doubles[double++] = view.getFloat64(at, true);
    this.doubles[double] = view.getFloat64(end - 8, true);
  }

  private indexOf(view: DataView, at: number): number {
    const tail = at + this.tailAt;
    const name = view.getInt32(at + 8, true) ^ rotated(view.getInt32(at + 12, true), 9);
    const task = view.getInt32(at + 16, true) ^ rotated(view.getInt32(at + 20, true), 11);
    const cpu = view.getInt32(tail, true) ^ rotated(view.getInt32(tail + 4, true), 13);
    const flags = view.getInt32(tail + 8, true);
    const hash =
      Math.imul(name, 0x9e3779b1) ^
      Math.imul(task, 0x85ebca77) ^
      Math.imul(cpu, 0xc2b2ae3d) ^
      Math.imul(flags, 0x27d4eb2f);
    return ((hash >>> 18) ^ (hash >>> 7) ^ hash) & (KNOWN_HEADERS - 1);
  }
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/**
 * Only ASCII is compared eight bytes at once. Of several brackets it may depend on what is behind the time which is the CPU's, and so it may of a parenthesis that is
 * not closed. And a header does not begin as a comment or as a frame of a stack does.
 */
function isUnambiguous(bytes: Uint8Array, start: number, end: number): boolean {
  let brackets = 0;
  let depth = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === 0 || byte >= 0x80) return false;
    if (bytes[i] === OPEN_SQUARE) brackets++;
    else if (bytes[i] === OPEN) depth++;
    else if (bytes[i] === CLOSE) depth--;
  }
  if (brackets > 1 || depth !== 0 || bytes[start] === HASH) return false;
  const word = skipSpaces(bytes, start, end);
  return bytes[start] !== TAB && (bytes[word] !== EQUALS || bytes[word + 1] !== GREATER);
}

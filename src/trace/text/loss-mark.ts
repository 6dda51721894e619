import { isDigit, OPEN_SQUARE, scanDecimal, skipSpaces, startsWith, wide } from './scan.ts';

/** The mark that was read last: one for all. */
export const lossMark = { cpu: 0, count: 0 };

/** `count` of a mark that does not say how many. */
const UNCOUNTED = -1;

const LARGEST_CPU = 65_535;

/** What perf script prints for the event, behind the usual header. */
export const PERF_LOSS = 'PERF_RECORD_LOST lost ';

/** What the marks of tracefs and trace-cmd begin and end with. */
export const MARK = 'CPU:';
export const MARK_ENDS = ['EVENTS]', 'EVENTS DROPPED]'];

/**
 * Reads `CPU:1 [LOST 12 EVENTS]` or `CPU:1 [LOST EVENTS]` of tracefs (kernel/trace/trace.c), and
 * `CPU:1 [12 EVENTS DROPPED]` or `CPU:1 [EVENTS DROPPED]` of trace-cmd report, into {@link lossMark}.
 */
export function scanLossMark(bytes: Uint8Array, start: number, end: number): boolean {
  if (!startsWith(bytes, start, end, MARK) || !isDigit(bytes[start + 4])) return false;
  let at = skipSpaces(bytes, scanDecimal(bytes, start + 4, end), end);
  const cpu = wide.low;
  if (bytes[at] !== OPEN_SQUARE || cpu > LARGEST_CPU) return false;
  at++;
  if (startsWith(bytes, at, end, 'LOST ')) at += 5;
  const isCounted = isDigit(bytes[at]);
  if (isCounted) at = scanDecimal(bytes, at, end) + 1;
  const count = isCounted ? wide.high * 0x1_0000_0000 + wide.low : UNCOUNTED;
  if (!startsWith(bytes, at, end, 'EVENTS')) return false;
  lossMark.cpu = cpu;
  lossMark.count = count;
  return true;
}

/** Reads `PERF_RECORD_LOST lost 12` at the place of an event of `cpu`. */
export function scanPerfLoss(bytes: Uint8Array, at: number, end: number, cpu: number): boolean {
  if (!startsWith(bytes, at, end, PERF_LOSS)) return false;
  scanDecimal(bytes, at + PERF_LOSS.length, end);
  lossMark.cpu = cpu;
  lossMark.count = wide.high * 0x1_0000_0000 + wide.low;
  return true;
}

/** Losses before one event add up, unless a part of them is not counted. */
export function addLosses(a: number, b: number): number {
  return a < 0 || b < 0 ? UNCOUNTED : a + b;
}

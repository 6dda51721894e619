import {
  CLOSE,
  CLOSE_SQUARE,
  COLON,
  DOT,
  isDigit,
  MINUS,
  OPEN,
  OPEN_SQUARE,
  SLASH,
  SPACE,
  scanDecimal,
  scanHex,
  skipSpaces,
  startsWith,
  wide,
  ZERO,
} from './scan.ts';

/** How a text tells its times. */
export type TimeStyle = 'seconds' | 'counts' | 'microseconds';

/** What stands before the event in a line: one object for all lines. */
export interface LineHeader {
  pid: number;
  cpu: number;
  /** `TRACE_FLAG_*` of the context; 0 where the line does not show it. */
  flags: number;
  showsContext: boolean;
  timeNs: number;
  timeStyle: TimeStyle;
  /** The command name, as a range of the line. */
  commStart: number;
  commEnd: number;
  /** perf separates name and thread by a space, ftrace by a minus. */
  isPerf: boolean;
  /** Where the time begins; where the line does, if something of the header is behind it. */
  timeAt: number;
  /** Where the event begins, behind the time. */
  rest: number;
}

export function newLineHeader(): LineHeader {
  return {
    pid: 0,
    cpu: 0,
    flags: 0,
    showsContext: false,
    timeNs: 0,
    timeStyle: 'seconds',
    commStart: 0,
    commEnd: 0,
    isPerf: false,
    timeAt: 0,
    rest: 0,
  };
}

/** A command name ends at this column in ftrace's usual lines (`%16s-%-7d`), and at this one in latency format. */
const COMM_WIDTH = 16;
const LATENCY_COMM_WIDTH = 8;

/** `NR_CPUS` is 8192 at most. */
const LARGEST_CPU = 65_535;

/** `[CPU]` is not looked for beyond this: names of tasks, buffers and files stand before it. */
const FURTHEST_CPU = 320;

/** `TRACE_FLAG_HARDIRQ`, `TRACE_FLAG_SOFTIRQ`, `TRACE_FLAG_NMI` by the letters of trace_output.c. */
const CONTEXT_LETTERS: Readonly<Record<string, number>> = { h: 0x08, s: 0x10, H: 0x18, z: 0x40, Z: 0x48 };
const CONTEXT_BITS = 0x58;
const CONTEXT_FLAGS = new Uint8Array(256);
for (const [letter, flags] of Object.entries(CONTEXT_LETTERS)) CONTEXT_FLAGS[letter.charCodeAt(0)] = flags;

/**
 * Reads what stands before the event of a line, in any of these forms (kernel/trace/trace_output.c, trace-cmd's
 * tracecmd-read, perf's builtin-script.c); which one is found anew in each line, so that a file may mix them:
 *
 *     COMM-PID (TGID) [CPU] FLAGS TIME: ...     tracefs and trace-cmd; TGID and FLAGS may be absent
 *     COMM-PID CPUFLAGS TIME: ...               latency format
 *     COMM PID CPU FLAGS DEPTH NUMBER [TIME] ... (+...): ...   latency format with the option verbose
 *     COMM PID/TID [CPU] TIME: ...              perf script; PID/ may be absent
 *
 * @returns false for a line that is none of them
 */
export function scanLineHeader(bytes: Uint8Array, start: number, end: number, into: LineHeader): boolean {
  const usual = start + COMM_WIDTH;
  if (bytes[usual] === MINUS && isDigit(bytes[usual + 1])) {
    const cpu = cpuBehind(bytes, usual + 1, end);
    if (cpu > 0 && scanBrackets(bytes, start, cpu, end, into)) return true;
  }
  const latency = start + LATENCY_COMM_WIDTH;
  if (bytes[latency] === MINUS && isDigit(bytes[latency + 1]) && scanLatency(bytes, start, end, into))
    return true;
  const limit = Math.min(end, start + FURTHEST_CPU);
  for (let at = start; at < limit; at++) {
    if (bytes[at] !== OPEN_SQUARE) continue;
    if (scanBrackets(bytes, start, at, end, into) || scanVerbose(bytes, start, at, end, into)) return true;
  }
  return false;
}

/** Words before the time of a verbose line, from its end: number, preemption depth, flags, CPU, task. */
const VERBOSE_WORDS = 5;

/** `%16s %7d %3d %d %08x %08lx [%08llx] %ld.%03ldms (+%ld.%03ldms): `, the time in microseconds. */
function scanVerbose(bytes: Uint8Array, start: number, open: number, end: number, into: LineHeader): boolean {
  let at = scanHex(bytes, open + 1, end);
  if (at === open + 1 || bytes[at] !== CLOSE_SQUARE) return false;
  const timeNs = (wide.high * 0x1_0000_0000 + wide.low) * 1000;
  if (bytes[at + 1] !== SPACE || !isDigit(bytes[at + 2])) return false;
  while (at < end && bytes[at] !== OPEN) at++;
  if (!startsWith(bytes, at - 3, end, 'ms (+')) return false;
  while (at < end && bytes[at] !== CLOSE) at++;
  if (bytes[at + 1] !== COLON) return false;
  const words: number[] = [];
  let back = open;
  for (let i = 0; i < VERBOSE_WORDS; i++) {
    while (back > start && bytes[back - 1] === SPACE) back--;
    while (back > start && bytes[back - 1] !== SPACE) back--;
    words.push(back);
  }
  const [, , flagsAt = 0, cpuAt = 0, pidAt = 0] = words;
  if (!isDigit(bytes[pidAt]) || !isDigit(bytes[cpuAt])) return false;
  scanDecimal(bytes, cpuAt, end);
  if (wide.high !== 0 || wide.low > LARGEST_CPU) return false;
  into.cpu = wide.low;
  scanDecimal(bytes, pidAt, end);
  into.pid = wide.low;
  scanDecimal(bytes, flagsAt, end);
  into.flags = wide.low & CONTEXT_BITS;
  into.showsContext = true;
  into.isPerf = false;
  into.commStart = skipSpaces(bytes, start, pidAt);
  into.commEnd = pidAt;
  while (into.commEnd > into.commStart && bytes[into.commEnd - 1] === SPACE) into.commEnd--;
  into.timeNs = timeNs;
  into.timeStyle = 'seconds';
  into.timeAt = start;
  into.rest = skipSpaces(bytes, at + 2, end);
  return true;
}

/** Position of the `[` behind thread and thread group, or -1. */
function cpuBehind(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && isDigit(bytes[at])) at++;
  at = skipSpaces(bytes, at, end);
  if (bytes[at] === OPEN) {
    while (at < end && bytes[at] !== CLOSE) at++;
    at = skipSpaces(bytes, at + 1, end);
  }
  return bytes[at] === OPEN_SQUARE ? at : -1;
}

/** The forms with `[CPU]`, whose bracket is at `open`. */
function scanBrackets(
  bytes: Uint8Array,
  start: number,
  open: number,
  end: number,
  into: LineHeader,
): boolean {
  let at = open + 1;
  let cpu = 0;
  while (at < end && isDigit(bytes[at])) cpu = cpu * 10 + (bytes[at++] as number) - ZERO;
  if (at === open + 1 || bytes[at] !== CLOSE_SQUARE || cpu > LARGEST_CPU) return false;
  let back = open - 1;
  while (back > start && bytes[back] === SPACE) back--;
  if (bytes[back] === CLOSE) {
    while (back > start && bytes[back] !== OPEN) back--;
    do back--;
    while (back > start && bytes[back] === SPACE);
  }
  const pidEnd = back + 1;
  while (back >= start && isDigit(bytes[back])) back--;
  if (back + 1 === pidEnd || back < start) return false;
  const separator = bytes[back];
  let commEnd = back;
  if (separator === SLASH) {
    commEnd--;
    while (commEnd > start && isDigit(bytes[commEnd])) commEnd--;
    if (bytes[commEnd] !== SPACE) return false;
  } else if (separator !== MINUS && separator !== SPACE) {
    return false;
  }
  into.isPerf = separator !== MINUS;
  // perf leaves a minus before the thread -1, of which there are no events that matter here.
  into.pid = numberAt(bytes, back + 1, pidEnd);
  into.cpu = cpu;
  into.commStart = skipSpaces(bytes, start, commEnd);
  while (commEnd > into.commStart && bytes[commEnd - 1] === SPACE) commEnd--;
  into.commEnd = commEnd;
  at = skipSpaces(bytes, at + 1, end);
  return scanFlagsAndTime(bytes, at, end, into);
}

/** `COMM-PID CPUFLAGS`: name and number of the task are cut to their columns, the CPU touches its flags. */
function scanLatency(bytes: Uint8Array, start: number, end: number, into: LineHeader): boolean {
  const pidStart = start + LATENCY_COMM_WIDTH + 1;
  let at = pidStart;
  while (at < end && isDigit(bytes[at])) at++;
  const pidEnd = at;
  const cpuStart = skipSpaces(bytes, at, end);
  at = cpuStart;
  while (at < end && isDigit(bytes[at])) at++;
  if (cpuStart === pidEnd || at === cpuStart || numberAt(bytes, cpuStart, at) > LARGEST_CPU) return false;
  into.isPerf = false;
  into.pid = numberAt(bytes, pidStart, pidEnd);
  into.cpu = numberAt(bytes, cpuStart, at);
  into.commStart = skipSpaces(bytes, start, pidStart - 1);
  into.commEnd = pidStart - 1;
  return scanFlagsAndTime(bytes, bytes[at] === SPACE ? skipSpaces(bytes, at, end) : at, end, into);
}

/** The third flag is the context. What ends in a colon is the time already: the flags are absent. */
function scanFlagsAndTime(bytes: Uint8Array, at: number, end: number, into: LineHeader): boolean {
  let stop = at;
  while (stop < end && bytes[stop] !== SPACE) stop++;
  into.flags = 0;
  into.showsContext = false;
  if (stop - at >= 4 && stop < end && bytes[stop - 1] !== COLON) {
    into.flags = CONTEXT_FLAGS[bytes[at + 2] as number] as number;
    into.showsContext = true;
    at = skipSpaces(bytes, stop, end);
  }
  return scanTime(bytes, at, end, into);
}

/** What a fraction of so many digits is multiplied by to become nanoseconds. */
export const FRACTION_NS = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1] as const;

const LETTER_U = 0x75;
const LETTER_S = 0x73;

/** `SECONDS.FRACTION:`, `COUNT:` of a clock that does not count nanoseconds, or `MICROSECONDSus+:` of latency format. */
function scanTime(bytes: Uint8Array, at: number, end: number, into: LineHeader): boolean {
  const start = at;
  let whole = 0;
  while (at < end && isDigit(bytes[at])) whole = whole * 10 + (bytes[at++] as number) - ZERO;
  if (at === start) return false;
  if (bytes[at] === DOT) {
    let fraction = 0;
    const fractionStart = ++at;
    while (at < end && isDigit(bytes[at])) fraction = fraction * 10 + (bytes[at++] as number) - ZERO;
    const unit = FRACTION_NS[at - fractionStart];
    if (unit === undefined || bytes[at] !== COLON) return false;
    into.timeNs = whole * 1e9 + fraction * unit;
    into.timeStyle = 'seconds';
  } else if (bytes[at] === LETTER_U && bytes[at + 1] === LETTER_S) {
    // A mark for a long time since the line before stands between unit and colon.
    at += bytes[at + 2] === COLON ? 2 : 3;
    if (bytes[at] !== COLON) return false;
    into.timeNs = whole * 1000;
    into.timeStyle = 'microseconds';
  } else {
    if (bytes[at] !== COLON && bytes[at + 1] === COLON) at++;
    if (bytes[at] !== COLON) return false;
    into.timeNs = whole;
    into.timeStyle = 'counts';
  }
  at = skipSpaces(bytes, at + 1, end);
  // trace-cmd report --ts-diff: (+12)
  if (bytes[at] === OPEN && bytes[at + 1] === 0x2b) {
    while (at < end && bytes[at] !== CLOSE) at++;
    at = skipSpaces(bytes, at + 1, end);
  }
  into.timeAt = start;
  into.rest = at;
  return true;
}

function numberAt(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (; at < end; at++) value = value * 10 + (bytes[at] as number) - ZERO;
  return value;
}

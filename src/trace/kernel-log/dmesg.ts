import { readFileSync } from 'node:fs';
import { TraceError } from '../trace-error.ts';
import { FaultLines, type LoggedFault } from './fault-lines.ts';

/** A line of a kernel's log. */
export interface DmesgLine {
  /** By the log's clock; `undefined` where the line has no time. */
  readonly timeNs: number | undefined;
  /** Without its time. */
  readonly text: string;
  /** From 1, and the byte at which it begins. */
  readonly line: number;
  readonly offset: number;
}

/** An access that the IOMMU refused, and the line that tells of it. */
export interface DmesgFault {
  readonly fault: LoggedFault;
  readonly at: DmesgLine;
}

/** A kernel's log: the output of `dmesg`, of `journalctl -k -o short-monotonic`, or a part of a syslog. */
export interface Dmesg {
  /** As the caller named it. */
  readonly file: string;
  readonly lines: readonly DmesgLine[];
  /** In the order of the log. */
  readonly faults: readonly DmesgFault[];
}

/**
 * `[    8.558969] DMAR: ...`, with what may stand around it: a level (`<3>`), the caller (`[  T135]`), the host and
 * `kernel:` of a journal. Times that `dmesg -T` writes are of the wall clock, and none.
 */
const TIMED =
  /^(?:<\d+>)?(?:.{0,80}? kernel: )?\[\s*(\d+)\.(\d{3,9})\](?:\[\s*[TC]\d+\])? (?:\S+ kernel: )?(.*)$/;

/** No log is larger; what is, is something else. */
const LARGEST = 1 << 29;

/** @throws {@link TraceError} where the file cannot be read as text */
export function readDmesg(file: string): Dmesg {
  return parseDmesg(file, contentOf(file));
}

/** Finds the lines and the faults of a log. */
export function parseDmesg(file: string, bytes: Uint8Array): Dmesg {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const lines: DmesgLine[] = [];
  const reader = new FaultLines<DmesgLine>();
  const faults: DmesgFault[] = [];
  let offset = 0;
  for (const raw of text.split('\n')) {
    const line = parseLine(raw.replace(/\r$/, ''), lines.length + 1, offset);
    offset += raw.length + 1;
    lines.push(line);
    for (const { fault, when } of reader.accept(line.text, () => line)) faults.push({ fault, at: when });
  }
  for (const { fault, when } of reader.finish()) faults.push({ fault, at: when });
  return { file, lines, faults };
}

function parseLine(raw: string, line: number, offset: number): DmesgLine {
  const [, seconds, fraction, text] = TIMED.exec(raw) ?? [];
  if (seconds === undefined || fraction === undefined || text === undefined) {
    return { timeNs: undefined, text: raw, line, offset };
  }
  return { timeNs: Number(seconds) * 1e9 + Number(fraction.padEnd(9, '0')), text, line, offset };
}

function contentOf(file: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new TraceError(file, `cannot be read (${reason}); --dmesg takes the output of dmesg as a file`);
  }
  if (bytes.length > LARGEST) throw new TraceError(file, 'is larger than any kernel log');
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw new TraceError(file, 'is no kernel log: it holds bytes that are no text', zero);
  return bytes;
}

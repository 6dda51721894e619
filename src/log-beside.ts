import { consoleLines, type LogClock, logClock } from './log-clock.ts';
import { type Dmesg, readDmesg } from './trace/kernel-log/dmesg.ts';
import { openSource } from './trace/open-source.ts';

/** A kernel's log beside a trace, and how its time becomes that of the trace. */
export interface LogBeside {
  readonly dmesg: Dmesg;
  readonly clock: LogClock;
}

/**
 * Reads a log and learns its clock from the trace, which is read for that once more; standard input cannot be.
 *
 * @throws {@link TraceError} where either cannot be read
 */
export async function logBeside(path: string, file: string): Promise<LogBeside> {
  const dmesg = readDmesg(file);
  if (path === '-') return { dmesg, clock: logClock(dmesg, [], 'unknown') };
  const source = await openSource(path);
  try {
    const lines = await consoleLines(source);
    return { dmesg, clock: logClock(dmesg, lines, source.description.buffers[0]?.clock ?? 'local') };
  } finally {
    source.close();
  }
}

/** What a reader must know of the log. */
export function logNotes(log: LogBeside | undefined): string[] {
  if (!log) return [];
  const { dmesg, clock } = log;
  if (dmesg.faults.length === 0) return [`${dmesg.file} tells of no IOMMU fault.`];
  return clock.note !== undefined && dmesg.faults.some(({ at }) => !clock.shared.has(at.line))
    ? [clock.note]
    : [];
}

import { quoted } from '../trace-error.ts';
import type { TraceDat } from './trace-dat.ts';

/** What a reader should know about the times of a recording. */
export function clockNotes({
  buffers,
  tsc2nsec,
  guests,
  hostTraceId,
  traceId,
}: Pick<TraceDat, 'buffers' | 'tsc2nsec' | 'guests' | 'hostTraceId' | 'traceId'>): string[] {
  const notes: string[] = [];
  const clock = buffers[0]?.clock ?? 'local';
  if (clock === 'counter') {
    notes.push(
      'The clock "counter" numbers the events: their order holds, but all times and durations here are counts, not nanoseconds.',
    );
  }
  if (clock === 'x86-tsc' && !tsc2nsec) {
    notes.push(
      'The clock "x86-tsc" counts ticks of the processor, and the file does not say how long a tick is: all times and durations here are ticks, not nanoseconds. Record with -C tsc2nsec or -C mono.',
    );
  }
  if (clock === 'uptime') {
    notes.push(
      'The clock "uptime" counts jiffies: events that are some milliseconds apart have the same time, and those of different CPUs may be in the wrong order.',
    );
  }
  if (guests.length > 0) {
    notes.push(
      `This is the recording of a host and was made together with that of ${guests
        .slice(0, 5)
        .map(({ name, traceId: id }) => `guest ${quoted(name)} (trace id ${id})`)
        .join(', ')}. A guest has its own memory and IOMMU: check its file beside this one.`,
    );
  }
  if (hostTraceId !== undefined) {
    notes.push(
      `This is the recording of a guest${traceId === undefined ? '' : ` (trace id ${traceId})`}, made together with that of its host (trace id ${hostTraceId}). Its times are of the guest's own clock, not of the host's.`,
    );
  }
  return notes;
}

import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Tracefs } from './tracefs.ts';

/** Our instances and groups carry the number of the process that made them. */
const INSTANCE = /^iommusan-(\d+)$/;
/** A return probe also has the number of calls that it follows at once: `r10:`. */
const GROUP = /^\w\d*:(iommusan_(\d+)\/\w+) /;

export function instanceName(pid: number): string {
  return `iommusan-${pid}`;
}

export function groupName(pid: number): string {
  return `iommusan_${pid}`;
}

/** What a recording that was killed has left in tracefs. */
export interface Leftover {
  readonly pid: number;
  readonly instance: string | undefined;
  /** `GROUP/EVENT` */
  readonly probes: readonly string[];
}

/** Finds what recordings have left that are no more. */
export function findLeftovers(tracefs: Tracefs, isRecording = holdsInstance): Leftover[] {
  const found = new Map<number, { instance?: string; probes: string[] }>();
  const of = (pid: number): { instance?: string; probes: string[] } => {
    const known = found.get(pid) ?? { probes: [] };
    found.set(pid, known);
    return known;
  };
  for (const name of tracefs.list('instances')) {
    const pid = INSTANCE.exec(name)?.[1];
    if (pid !== undefined) of(Number(pid)).instance = name;
  }
  for (const line of tracefs.read('dynamic_events').split('\n')) {
    const [, probe, pid] = GROUP.exec(line) ?? [];
    if (probe !== undefined) of(Number(pid)).probes.push(probe);
  }
  return [...found]
    .filter(([pid]) => !isRecording(pid))
    .map(([pid, { instance, probes }]) => ({ pid, instance, probes }));
}

/** `the instance iommusan-7 and 9 probes of process 7` */
export function contentsOf({ pid, instance, probes }: Leftover): string {
  const parts = [
    ...(instance === undefined ? [] : [`the instance ${instance}`]),
    ...(probes.length === 0 ? [] : [`${probes.length} ${probes.length === 1 ? 'probe' : 'probes'}`]),
  ];
  return `${parts.join(' and ')} of process ${pid}`;
}

/** Removes it: first the instance, which uses the probes. */
export function removeLeftover(tracefs: Tracefs, { instance, probes }: Leftover): void {
  if (instance !== undefined) {
    tracefs.write(`instances/${instance}/tracing_on`, '0');
    tracefs.removeDirectory(`instances/${instance}`);
  }
  for (const probe of probes) tracefs.write('dynamic_events', `-:${probe}\n`);
}

/** Whether the process is alive and still has files of its instance open: its number may belong to another by now. */
function holdsInstance(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(fd => {
      try {
        return readlinkSync(join(`/proc/${pid}/fd`, fd)).includes(`/instances/${instanceName(pid)}/`);
      } catch {
        return false; // Closed meanwhile.
      }
    });
  } catch {
    return false; // There is no such process.
  }
}

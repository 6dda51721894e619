import { spawnSync } from 'node:child_process';

/** One event as `trace-cmd report -R -t` prints it. */
export interface ReportedEvent {
  readonly task: string;
  readonly pid: number;
  readonly cpu: number;
  readonly timeNs: number;
  readonly name: string;
  /** `NAME=VALUE` of each field, separated by blanks. */
  readonly fields: string;
}

/** What trace-cmd, the reference implementation, reads in a file. */
export interface Report {
  readonly events: readonly ReportedEvent[];
  /** `CPU:0 [20956 EVENTS DROPPED]`, with -1 for `CPU:0 [EVENTS DROPPED]`. */
  readonly losses: readonly { readonly cpu: number; readonly count: number }[];
}

const EVENT = /^ *(.+?)-(\d+) +\[(\d+)\] +(\d+)\.(\d{9}): ([^:]+): *(.*)$/;
const LOSS = /^CPU:(\d+) \[(?:(\d+) )?EVENTS DROPPED\]$/;

/** Whether the reference implementation is on this machine. */
export function hasTraceCmd(): boolean {
  return spawnSync('trace-cmd', ['--version']).error === undefined;
}

/** All events of a file, with their fields printed raw and their times in whole nanoseconds. */
export function traceCmdReport(path: string): Report {
  const { stdout, stderr, status } = spawnSync('trace-cmd', ['report', '-R', '-t', '-N', '-i', path], {
    maxBuffer: 1 << 30,
    encoding: 'latin1',
  });
  if (status !== 0) throw new Error(`trace-cmd report ${path}: ${stderr}`);
  const events: ReportedEvent[] = [];
  const losses: { cpu: number; count: number }[] = [];
  for (const line of stdout.split('\n')) {
    const [, task, pid, cpu, seconds, nanoseconds, name, fields] = EVENT.exec(line) ?? [];
    if (task !== undefined && name !== undefined && fields !== undefined) {
      const timeNs = Number(seconds) * 1e9 + Number(nanoseconds);
      events.push({ task, pid: Number(pid), cpu: Number(cpu), timeNs, name, fields });
      continue;
    }
    const [, lossCpu, count] = LOSS.exec(line) ?? [];
    if (lossCpu !== undefined) losses.push({ cpu: Number(lossCpu), count: Number(count ?? -1) });
    else if (line !== '' && !line.startsWith('cpus=')) {
      // A message with a line break in it goes on in the next line.
      const last = events.at(-1);
      if (!last) throw new Error(`trace-cmd report ${path}: what is "${line}"?`);
      events[events.length - 1] = { ...last, fields: `${last.fields}\n${line}` };
    }
  }
  return { events, losses };
}

/** Takes `NAME=VALUE NAME=VALUE` apart; the names are known, so a value may hold blanks. */
export function splitFields(text: string, names: readonly string[]): string[] | undefined {
  const values: string[] = [];
  let rest = ` ${text}`;
  for (const [i, name] of names.entries()) {
    if (!rest.startsWith(` ${name}=`)) return undefined;
    rest = rest.slice(name.length + 2);
    const next = names[i + 1];
    const end = next === undefined ? rest.length : rest.indexOf(` ${next}=`);
    if (end < 0) return undefined;
    values.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return values;
}

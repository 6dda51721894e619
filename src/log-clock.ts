import { type Extent, extentReader, findField, textAt } from './trace/events/field-reader.ts';
import type { Dmesg } from './trace/kernel-log/dmesg.ts';
import type { Source } from './trace/source.ts';

/** How the time of a kernel's log becomes that of a trace. */
export interface LogClock {
  /** To be added to a time of the log. */
  readonly offsetNs: number;
  /** How far the result may be off at a time of the log. */
  readonly slackNs: (timeNs: number) => number;
  /** A sentence for a reader, where the times of the two are not known to agree. */
  readonly note: string | undefined;
  /** Lines of the log that the trace has as well: it tells of their faults itself. */
  readonly shared: ReadonlySet<number>;
}

/** A line of the log as the trace has it. */
interface ConsoleLine {
  readonly timeNs: number;
  readonly text: string;
}

/** Clocks of ftrace that are printk's own, sched_clock(): they agree but for the moment of reading. */
const SAME_CLOCK = new Set(['local', 'global', 'perf']);
const SAME_CLOCK_SLACK_NS = 10e6;

/** Clocks that count something else than nanoseconds since boot. */
const NO_TIME = new Set(['counter', 'x86-tsc', 'uptime', 'tai']);

/**
 * CLOCK_MONOTONIC and sched_clock() begin about together, and NTP slews the former by 500 parts per million at most
 * (MAXFREQ, include/linux/timex.h).
 */
const BEGIN_SLACK_NS = 1e9;
const SLEW = 500e-6;

/**
 * Reads the log lines of a trace: the only exact way to learn how its clock and that of a log differ. The source is used
 * up.
 */
export async function consoleLines(source: Source): Promise<ConsoleLine[]> {
  const lines: ConsoleLine[] = [];
  await source.walk(
    id => {
      const format = source.format(id);
      const field =
        format?.system === 'printk' && format.name === 'console' ? findField(format, 'msg') : undefined;
      if (!field) return undefined;
      const extent = extentReader(field);
      const place: Extent = { at: 0, bytes: 0 };
      return event => {
        extent(event, place);
        lines.push({ timeNs: event.timeNs, text: textAt(event, place).trimEnd() });
      };
    },
    { eventsLost: () => undefined },
  );
  return lines;
}

/** Learns the clock of a log from the lines that it shares with a trace or, where there are none, from the trace's clock. */
export function logClock(dmesg: Dmesg, lines: readonly ConsoleLine[], traceClock: string): LogClock {
  const { offsets, shared } = sharedLines(dmesg, lines);
  if (offsets.length > 0) {
    const sorted = offsets.toSorted((a, b) => a - b);
    const offsetNs = sorted[sorted.length >> 1] as number;
    const spread = (sorted.at(-1) as number) - (sorted[0] as number);
    return { offsetNs, slackNs: () => spread, note: undefined, shared };
  }
  if (NO_TIME.has(traceClock)) {
    return {
      offsetNs: 0,
      slackNs: () => Number.POSITIVE_INFINITY,
      note: `${dmesg.file} has another clock than the trace (${traceClock}): faults are matched by their address alone, and called possible.`,
      shared,
    };
  }
  if (SAME_CLOCK.has(traceClock)) {
    return { offsetNs: 0, slackNs: () => SAME_CLOCK_SLACK_NS, note: undefined, shared };
  }
  return {
    offsetNs: 0,
    slackNs: timeNs => BEGIN_SLACK_NS + SLEW * timeNs,
    note: `${dmesg.file} has another clock than the trace (${traceClock}), and they have no line in common: a fault is called possible where the order of things depends on the difference. Record the event printk:console to know it.`,
    shared,
  };
}

/** Lines that stand once in the log and once in the trace: how the clocks differ at each, and which lines they are. */
function sharedLines(
  { lines: logged }: Dmesg,
  lines: readonly ConsoleLine[],
): { offsets: number[]; shared: Set<number> } {
  const inLog = new Map<string, typeof logged>();
  for (const line of logged) {
    if (line.text !== '') inLog.set(line.text, [...(inLog.get(line.text) ?? []), line]);
  }
  const inTrace = new Map<string, ConsoleLine[]>();
  for (const line of lines) inTrace.set(line.text, [...(inTrace.get(line.text) ?? []), line]);
  const offsets: number[] = [];
  const shared = new Set<number>();
  for (const [text, traced] of inTrace) {
    const found = inLog.get(text.trimEnd()) ?? [];
    const [first] = found;
    if (!first) continue;
    if (found.length === 1 && traced.length === 1 && first.timeNs !== undefined) {
      offsets.push((traced[0] as ConsoleLine).timeNs - first.timeNs);
    }
    // A line that both have as often is the same each time.
    if (found.length <= traced.length) for (const { line } of found) shared.add(line);
  }
  return { offsets, shared };
}

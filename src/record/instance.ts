import type { Fact } from './facts.ts';
import type { Plan, PlannedEvent, PlannedFact } from './plan.ts';
import { errorCode, RecordError } from './record-error.ts';
import type { Tracefs } from './tracefs.ts';
import type { UndoList } from './undo.ts';

/** A fact that the recording will not have, and why. */
export interface MissingFact {
  readonly fact: Fact;
  readonly reason: string;
}

/** A tracefs instance of our own, set up and not yet recording. */
export interface Instance {
  readonly name: string;
  /** `instances/NAME`, relative to tracefs. */
  readonly path: string;
  /** The events that are enabled. */
  readonly events: readonly PlannedEvent[];
  readonly missing: readonly MissingFact[];
}

export interface InstanceOptions {
  readonly name: string;
  readonly bufferKib: number;
  readonly clock: string;
  /** Names of the only devices whose own events are recorded; all where empty. */
  readonly devices: readonly string[];
}

/**
 * Makes an instance and the probes of a plan. Nothing outside of them is touched, and each step tells `undo` how it is
 * undone: the instance goes before its probes, because a probe in use cannot be removed.
 *
 * @throws {@link RecordError} where no instance can be had, or none of the events that matter
 */
export function setUpInstance(
  tracefs: Tracefs,
  undo: UndoList,
  plan: Plan,
  options: InstanceOptions,
): Instance {
  const path = `instances/${options.name}`;
  const probes: string[] = [];
  undo.add('remove the probes', () => removeProbes(tracefs, probes));
  makeInstance(tracefs, undo, path);
  tracefs.write(`${path}/tracing_on`, '0');
  tracefs.write(`${path}/trace_clock`, options.clock);

  const events: PlannedEvent[] = [];
  const missing: MissingFact[] = plan.missing.map(fact => ({
    fact,
    reason: 'this kernel has no event for it',
  }));
  for (const planned of plan.facts) {
    const result = setUpFact(tracefs, path, planned, probes, options.devices);
    events.push(...result.events);
    if (result.events.length === 0) missing.push({ fact: planned.fact, reason: result.reason });
  }
  sizeBuffers(tracefs, path, options.bufferKib);
  return { name: options.name, path, events, missing };
}

function makeInstance(tracefs: Tracefs, undo: UndoList, path: string): void {
  try {
    tracefs.makeDirectory(path);
  } catch (error) {
    throw new RecordError(
      `no tracefs instance can be made at ${tracefs.root}/${path} (${errorCode(error)}).`,
    );
  }
  undo.add(`remove ${path}`, () => {
    tracefs.write(`${path}/tracing_on`, '0');
    tracefs.removeDirectory(path);
  });
}

/**
 * Gives the buffers their size. After the events are enabled: in Linux 6.1 the main buffer of tracefs grows from 7 KiB to
 * its proper size when the first event of a boot is enabled anywhere, but stays small for ever when somebody sets the size
 * of any buffer before (`ring_buffer_expanded` in kernel/trace/trace.c).
 */
function sizeBuffers(tracefs: Tracefs, path: string, bufferKib: number): void {
  try {
    tracefs.write(`${path}/buffer_size_kb`, String(bufferKib));
  } catch (error) {
    throw new RecordError(
      `the kernel has no memory for buffers of ${bufferKib} KiB per CPU (${errorCode(error)}): ask for less with --buffer.`,
    );
  }
}

/** Tries the ways to learn a fact until the kernel takes one. */
function setUpFact(
  tracefs: Tracefs,
  path: string,
  { events, fallbacks }: PlannedFact,
  probes: string[],
  devices: readonly string[],
): { readonly events: readonly PlannedEvent[]; readonly reason: string } {
  let reason = '';
  for (const way of [events, ...fallbacks]) {
    const before = probes.length;
    try {
      for (const event of way) {
        if (event.definition !== undefined) {
          tracefs.write('dynamic_events', `${event.definition}\n`);
          probes.push(`${event.system}/${event.event}`);
        }
        enable(tracefs, path, event, devices);
      }
      return { events: way, reason: '' };
    } catch (error) {
      reason ||= `the kernel refuses it (${errorCode(error) || String(error)})`;
      for (const event of way) disable(tracefs, path, event);
      removeProbes(tracefs, probes, before);
    }
  }
  return { events: [], reason };
}

function enable(tracefs: Tracefs, path: string, event: PlannedEvent, devices: readonly string[]): void {
  const folder = `${path}/events/${event.system}/${event.event}`;
  if (event.deviceField !== undefined && devices.length > 0) {
    const terms = devices.map(device => `${event.deviceField} == "${device}"`);
    tracefs.write(`${folder}/filter`, terms.join(' || '));
  }
  if (event.withStack) tracefs.write(`${folder}/trigger`, 'stacktrace');
  tracefs.write(`${folder}/enable`, '1');
}

/** Lets go of an event that may be half set up. */
function disable(tracefs: Tracefs, path: string, event: PlannedEvent): void {
  const folder = `${path}/events/${event.system}/${event.event}`;
  for (const [file, text] of [
    ['enable', '0'],
    ['trigger', '!stacktrace'],
  ] as const) {
    try {
      tracefs.write(`${folder}/${file}`, text);
    } catch {
      // It was not set, or the event does not exist.
    }
  }
}

/** Removes our probes from the last down to the one numbered `from`. */
function removeProbes(tracefs: Tracefs, probes: string[], from = 0): void {
  let firstError: unknown;
  while (probes.length > from) {
    const name = probes.pop() as string;
    try {
      tracefs.write('dynamic_events', `-:${name}\n`);
    } catch (error) {
      firstError ??= error;
    }
  }
  if (firstError !== undefined) throw firstError;
}

import { TraceWriter } from '../trace/write/trace-writer.ts';
import { CommandNames } from './command-names.ts';
import type { KernelOffer } from './kernel-offer.ts';
import { KernelSymbols } from './kernel-symbols.ts';
import { eventsOf, planRecording } from './plan.ts';
import { Pump, type RecordingCounts, subBufferSizeOf } from './pump.ts';
import { RecordError } from './record-error.ts';
import type { SessionOptions } from './session.ts';
import { descriptionOf } from './trace-description.ts';
import type { Tracefs } from './tracefs.ts';

/** The group of the probes that the kernel command line sets: no process made them. */
const BOOT_GROUP = 'iommusan_boot';

/** Per CPU: a boot makes some hundred thousand events. */
const BOOT_BUFFER_KIB = 32 << 10;

/**
 * Parameters for the kernel command line that record from boot on into the top buffer of tracefs: mappings that exist when
 * a recording starts later are not known to it. A command line has room for 2048 characters (`COMMAND_LINE_SIZE` of
 * x86-64 and arm64), so it is what the preset `minimal` records, with stacks unless they are not wanted. Probes are
 * kprobes, which is all that the command line can set, and are enabled by themselves
 * (Documentation/admin-guide/kernel-parameters.txt).
 */
export function bootParameters(
  offer: KernelOffer,
  options: Pick<SessionOptions, 'stacks' | 'bufferKib'>,
): string[] {
  const plan = planRecording(
    { ...offer, hasFprobes: false },
    { preset: 'minimal', stacks: options.stacks ?? true, group: BOOT_GROUP },
  );
  const events = eventsOf(plan);
  const probes = events.flatMap(({ definition }) => definition?.replaceAll(' ', ',') ?? []);
  const tracepoints = events.filter(({ definition }) => definition === undefined);
  const triggers = events.filter(({ withStack }) => withStack);
  return [
    'trace_clock=mono',
    `trace_buf_size=${options.bufferKib ?? BOOT_BUFFER_KIB}K`,
    `kprobe_event="${probes.join(';')}"`,
    `trace_event=${tracepoints.map(({ system, event }) => `${system}:${event}`).join(',')}`,
    // Since Linux 6.3; older kernels ignore it and record no stacks.
    ...(triggers.length === 0
      ? []
      : [`trace_trigger="${triggers.map(({ event }) => `${event}.stacktrace`).join(',')}"`]),
  ];
}

/** The top instance, as a path. */
const TOP = '.';

/** What was taken of a boot. */
export interface BootRecording extends RecordingCounts {
  /**
   * Events that were recorded and cannot be read: the kernel has no files for them. Linux 6.1 makes the probes of its
   * command line while a work queue makes the files of tracefs, and one probe may fall between.
   */
  readonly unreadable: readonly string[];
}

/**
 * Takes what has been recorded since boot into a trace.dat, and ends that recording: its events are switched off and its
 * probes removed.
 *
 * @throws {@link RecordError} where this boot has not recorded
 */
export async function collectFromBoot(tracefs: Tracefs, output: string): Promise<BootRecording> {
  const probes = tracefs
    .read('dynamic_events')
    .split('\n')
    .flatMap(line => new RegExp(`^\\w\\d*:(${BOOT_GROUP}/\\w+) `).exec(line)?.[1] ?? []);
  if (probes.length === 0) {
    throw new RecordError(
      'this boot has not recorded: restart with the parameters that "iommusan record --from-boot" prints.',
    );
  }
  const events = tracefs
    .read('set_event')
    .split('\n')
    .filter(line => line !== '');
  const hasFiles = (event: string): boolean => tracefs.exists(`events/${event.replace(':', '/')}/format`);
  const readable = events.filter(hasFiles);
  tracefs.write('tracing_on', '0');
  const subBufferSize = subBufferSizeOf(tracefs.read('events/header_page'));
  const pump = new Pump(tracefs, TOP, subBufferSize, BOOT_BUFFER_KIB);
  try {
    const writer = await TraceWriter.create(output, descriptionOf(tracefs, TOP, readable), { subBufferSize });
    const statistics = pump.finish((cpu, subBuffers) => writer.write(0, cpu, subBuffers));
    const names = new CommandNames(tracefs);
    names.takeSaved();
    names.takeRunning();
    writer.finish({ statistics, commandNames: names.text(), kallsyms: new KernelSymbols().all() });
  } finally {
    pump.close();
    for (const event of events) tracefs.write('set_event', `!${event}\n`);
    for (const probe of probes) {
      clearTrigger(tracefs, probe);
      tracefs.write('dynamic_events', `-:${probe}\n`);
    }
    for (const event of events) clearTrigger(tracefs, event.replace(':', '/'));
    tracefs.write('tracing_on', '1');
  }
  return { ...pump.counts, unreadable: events.filter(event => !readable.includes(event)) };
}

function clearTrigger(tracefs: Tracefs, event: string): void {
  const path = `events/${event}/trigger`;
  if (tracefs.exists(path) && tracefs.read(path).includes('stacktrace')) tracefs.write(path, '!stacktrace');
}

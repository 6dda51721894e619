import { DEFAULT_CHECKS } from './checks/all-checks.ts';
import { Judge } from './checks/judge.ts';
import { AddressMap } from './convert/address-map.ts';
import { noteAddresses, withAddresses } from './convert/anonymous-events.ts';
import { anonymousNames } from './convert/anonymous-names.ts';
import { jsonLines } from './convert/json-lines.ts';
import { Output } from './convert/output.ts';
import { drawPerfetto } from './convert/perfetto.ts';
import type { KernelEvents } from './kernel/events.ts';
import { openSource } from './trace/open-source.ts';
import type { Gap, Progress, Source } from './trace/source.ts';
import { TraceSource } from './trace/trace-source.ts';
import type { Compression } from './trace/write/compress.ts';
import { copyTrace } from './trace/write/copy-trace.ts';
import { KernelRecorder } from './trace/write/kernel-recorder.ts';

/** Forms that a trace is converted to. */
export const TRACE_FORMS = ['trace.dat', 'jsonl', 'perfetto'] as const;

export type TraceForm = (typeof TRACE_FORMS)[number];

export interface ConvertOptions {
  /** Of a trace.dat; default zstd where Node can, else none. */
  readonly compression?: Compression;
  readonly onProgress?: Progress;
}

/**
 * Writes a recorded trace of any form in another.
 *
 * @param input `-` is standard input
 * @param output `-` is standard output, but not for a trace.dat
 * @returns parts of the input that could not be read
 * @throws {@link TraceError} where the input is no trace, and the error of the file system where the output cannot be made
 */
export async function convertTrace(
  input: string,
  output: string,
  form: TraceForm,
  options: ConvertOptions = {},
): Promise<readonly Gap[]> {
  const source = await openSource(input);
  try {
    if (form === 'trace.dat') await toTraceDat(source, output, options);
    else if (form === 'jsonl') await toJsonLines(source, output, options);
    else await toPerfetto(source, output, options);
    return [...source.gaps];
  } finally {
    source.close();
  }
}

/**
 * Writes a trace as a trace.dat that gives the same findings, with names and addresses replaced: command names, drivers
 * and modules, functions outside of the kernel's DMA, IOMMU and memory code, kernel pointers, IOVAs and physical
 * addresses. Events that say nothing here are left out. The input is read twice.
 */
export async function anonymizeTrace(
  input: string,
  output: string,
  options: ConvertOptions = {},
): Promise<readonly Gap[]> {
  const map = new AddressMap();
  const first = await openSource(input);
  const { pageSize } = first.description;
  try {
    await first.run(noteAddresses(map, pageSize));
  } finally {
    first.close();
  }
  map.freeze();
  const source = await openSource(input);
  try {
    await recordInto(source, output, options, anonymousNames(source.names), sink =>
      withAddresses(map, pageSize, sink),
    );
    return [...source.gaps];
  } finally {
    source.close();
  }
}

async function toTraceDat(source: Source, output: string, options: ConvertOptions): Promise<void> {
  if (source instanceof TraceSource) await copyTrace(source.trace, output, options);
  else await recordInto(source, output, options, source.names, sink => sink);
}

async function recordInto(
  source: Source,
  output: string,
  { onProgress, ...options }: ConvertOptions,
  names: Source['names'],
  through: (sink: KernelEvents) => KernelEvents,
): Promise<void> {
  const { pageSize, buffers, uname } = source.description;
  const kernel = uname?.split(' ');
  // `Linux HOST RELEASE MACHINE`: the name of the host is nobody's business.
  if (kernel && kernel.length > 2 && names !== source.names) kernel[1] = 'host';
  const recorder = await KernelRecorder.create(
    output,
    names,
    {
      pageSize,
      traceClock: `[${clockNamed(buffers[0]?.clock)}]`,
      ...(kernel === undefined ? {} : { uname: kernel.join(' ') }),
    },
    options,
  );
  try {
    await source.run(through(recorder.events), onProgress);
    recorder.finish(source.capabilities);
  } catch (error) {
    recorder.discard();
    throw error;
  }
}

/** Clocks of ftrace that count nanoseconds or what a reader knows (Documentation/trace/ftrace.rst, `trace_clock`). */
const CLOCKS: ReadonlySet<string> = new Set(
  'local global counter uptime perf x86-tsc mono mono_raw boot tai'.split(' '),
);

/** A text does not name its clock; its events are in order for all CPUs, as those of the clock `global` are. */
function clockNamed(clock = 'local'): string {
  return CLOCKS.has(clock) ? clock : 'global';
}

async function toJsonLines(source: Source, output: string, { onProgress }: ConvertOptions): Promise<void> {
  const out = new Output(output);
  try {
    await source.run(
      jsonLines(source.names, line => out.text(line)),
      onProgress,
    );
  } finally {
    out.close();
  }
}

async function toPerfetto(source: Source, output: string, { onProgress }: ConvertOptions): Promise<void> {
  const out = new Output(output);
  try {
    const judge = new Judge({
      names: source.names,
      capabilities: source.capabilities,
      pageSize: source.description.pageSize,
      accounting: 'exact',
      checks: DEFAULT_CHECKS,
    });
    const drawing = drawPerfetto(judge.shadow, source.names, bytes => out.bytes(bytes));
    judge.follow(drawing.follower);
    const { events } = judge;
    const walked = await source.run(
      {
        ...events,
        eventsLost(cpu, count, sinceNs, untilNs) {
          drawing.eventsLost(cpu, count, sinceNs, untilNs);
          events.eventsLost(cpu, count, sinceNs, untilNs);
        },
      },
      onProgress,
    );
    drawing.findings(judge.finish(walked.lastNs));
  } finally {
    out.close();
  }
}

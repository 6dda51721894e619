import { closeSync, openSync, rmSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TraceWriter } from '../trace/write/trace-writer.ts';
import { CommandNames } from './command-names.ts';
import { KernelSymbols } from './kernel-symbols.ts';
import { initialStateMissing } from './markers.ts';
import { every } from './periods.ts';
import type { RecordingCounts } from './pump.ts';
import { errorCode, RecordError } from './record-error.ts';
import { Session, type SessionOptions } from './session.ts';
import type { Tracefs } from './tracefs.ts';

export interface RecordingOptions extends SessionOptions {
  readonly output: string;
}

/** Who is told how a recording goes, and who ends it. */
export interface RecordingHooks {
  /** The events are on: what is to be recorded may begin. */
  started(session: Session): void;
  /** Called some times a second. */
  progress(counts: Readonly<RecordingCounts>, elapsedMs: number): void;
  /** Settles when the recording is to end. */
  readonly stop: Promise<unknown>;
}

export interface RecordingResult {
  readonly counts: RecordingCounts;
  readonly elapsedMs: number;
  readonly missing: Session['instance']['missing'];
  /** Sentences for the person who asked. */
  readonly warnings: readonly string[];
}

/** Space that a recording should find on the disk when it begins. */
const LEAST_SPACE = 16 << 20;

/** Milliseconds between two looks at the names of tasks and at the modules. */
const NAMES_EVERY_MS = 500;
const MODULES_EVERY_MS = 100;
const PROGRESS_EVERY_MS = 200;

/**
 * Records into a trace.dat until `hooks.stop` settles. Tracefs is as it was before when the promise settles, whichever
 * way.
 *
 * @throws {@link RecordError} for everything that this machine, its kernel or its disk does not allow
 */
export async function record(
  tracefs: Tracefs,
  options: RecordingOptions,
  hooks: RecordingHooks,
): Promise<RecordingResult> {
  assertWritable(options.output);
  const symbols = new KernelSymbols();
  const session = Session.open(tracefs, options);
  let writer: TraceWriter | undefined;
  let failed: string[] = [];
  try {
    const recorded = await TraceWriter.create(options.output, session.describe(), {
      subBufferSize: session.subBufferSize,
    });
    writer = recorded;
    const names = new CommandNames(tracefs);
    names.takeRunning();
    const startedMs = performance.now();
    session.start();
    const unread = session.tellInitialState(() => session.pump.round(sinkOf(recorded)));
    hooks.started(session);
    await pumpUntil(session, writer, names, symbols, hooks, startedMs);
    const elapsedMs = performance.now() - startedMs;
    session.stop();
    const statistics = session.pump.finish(sinkOf(writer));
    names.takeSaved();
    names.takeRunning();
    // Set back before the file is completed, which may take its time.
    failed = session.close();
    writer.finish({ statistics, commandNames: names.text(), kallsyms: symbols.all() });
    const { instance, pump } = session;
    return {
      counts: pump.counts,
      elapsedMs,
      missing: instance.missing,
      warnings: [
        ...(unread === undefined ? [] : [`not recorded: ${initialStateMissing(unread)}.`]),
        ...warningsOf(failed, symbols, session.missed),
      ],
    };
  } catch (error) {
    throw describeFailure(error, options.output, writer !== undefined);
  } finally {
    session.close();
  }
}

function sinkOf(writer: TraceWriter): (cpu: number, subBuffers: Uint8Array) => void {
  return (cpu, subBuffers) => writer.write(0, cpu, subBuffers);
}

async function pumpUntil(
  session: Session,
  writer: TraceWriter,
  names: CommandNames,
  symbols: KernelSymbols,
  hooks: RecordingHooks,
  startedMs: number,
): Promise<void> {
  const sink = sinkOf(writer);
  let hasStopped = false;
  const stopped = hooks.stop.then(() => {
    hasStopped = true;
  });
  const namesDue = every(NAMES_EVERY_MS);
  const modulesDue = every(MODULES_EVERY_MS);
  const progressDue = every(PROGRESS_EVERY_MS);
  while (!hasStopped) {
    const waitMs = session.pump.round(sink);
    const now = performance.now();
    if (modulesDue(now)) symbols.refresh();
    if (namesDue(now)) names.takeSaved();
    if (progressDue(now)) hooks.progress(session.pump.counts, now - startedMs);
    await Promise.race([stopped, sleep(Math.min(waitMs, MODULES_EVERY_MS))]);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise(done => setTimeout(done, ms));
}

/** Looks before anything is set up whether the file can be written. */
function assertWritable(output: string): void {
  try {
    closeSync(openSync(`${output}.partial`, 'w'));
    rmSync(`${output}.partial`);
    const { bavail, bsize } = statfsSync(dirname(resolve(output)));
    if (bavail * bsize >= LEAST_SPACE) return;
  } catch (error) {
    throw new RecordError(`${output} cannot be written (${errorCode(error) || String(error)}).`);
  }
  throw new RecordError(`less than ${LEAST_SPACE >> 20} MiB are free where ${output} is to be written.`);
}

function describeFailure(error: unknown, output: string, hasData: boolean): unknown {
  const code = errorCode(error);
  if (!hasData || code === '') return error;
  const what = code === 'ENOSPC' ? 'the disk is full' : `it cannot be written (${code})`;
  return new RecordError(
    `the recording ended because of ${output}: ${what}. What was recorded until then is in ${output}.partial, which "iommusan check" reads.`,
  );
}

function warningsOf(
  failed: readonly string[],
  symbols: KernelSymbols,
  missed: ReadonlyMap<string, number>,
): string[] {
  return [
    ...Array.from(
      missed,
      ([event, count]) =>
        `the kernel has missed ${count} calls at the probe ${event}: what rests on them is only possible.`,
    ),
    ...failed.map(what => `tracefs could not be set back (${what}); "iommusan record --clean" tries again.`),
    ...(symbols.areHidden
      ? [
          'The kernel does not tell its addresses: stacks and probes have no names. Set kernel.kptr_restrict to 1 while recording.',
        ]
      : []),
  ];
}

import { type RecordedCommand, startCommand } from '../record/command.ts';
import type { Preset } from '../record/facts.ts';
import { contentsOf, findLeftovers, type Leftover } from '../record/leftovers.ts';
import { missingText } from '../record/markers.ts';
import { type RecordingHooks, record } from '../record/recording.ts';
import type { SessionOptions } from '../record/session.ts';
import { translationProblem } from '../record/system.ts';
import { openTracefs, type Tracefs } from '../record/tracefs.ts';
import { check, DEFAULT_CHECK } from './check.ts';
import type { EngineLoader } from './engine.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import { newRecordingLine, recordingText } from './recording-line.ts';
import { onSignals } from './signals.ts';
import type { ColorMode } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Options of `iommusan record`, as commander hands them over. */
export interface RecordCommandOptions {
  readonly output: string;
  /** Milliseconds. */
  readonly duration?: number;
  readonly device?: readonly string[];
  readonly preset: Preset;
  readonly stacks?: boolean;
  readonly initialState?: boolean;
  /** KiB. */
  readonly buffer?: number;
  readonly check: boolean;
  readonly dryRun?: boolean;
  readonly clean?: boolean;
  readonly script?: boolean;
  readonly fromBoot?: boolean;
  readonly collect?: boolean;
  readonly color: ColorMode;
}

/** Options that do something else than to record. */
const INSTEAD = ['dryRun', 'clean', 'script', 'fromBoot', 'collect'] as const;

export type Instead = (typeof INSTEAD)[number];

/** `iommusan record`: one recording, or one of the options that do something else instead. */
export async function recordCommand(
  command: readonly string[],
  options: RecordCommandOptions,
  io: Io,
  loadEngine: EngineLoader,
): Promise<ExitCode> {
  const instead = INSTEAD.filter(name => options[name]);
  if (instead.length > 0) {
    if (command.length > 0)
      throw new UsageError('no COMMAND is recorded with an option that does something else.');
    if (instead.length > 1) {
      throw new UsageError('of --dry-run, --clean, --script, --from-boot and --collect only one can be had.');
    }
    const { recordInstead } = await import('./record-instead.ts');
    return recordInstead(instead[0] as Instead, options, io);
  }
  const tracefs = openTracefs();
  await tellLeftovers(findLeftovers(tracefs), io);
  return recordAndCheck(tracefs, command, options, io, loadEngine);
}

async function recordAndCheck(
  tracefs: Tracefs,
  command: readonly string[],
  options: RecordCommandOptions,
  io: Io,
  loadEngine: EngineLoader,
): Promise<ExitCode> {
  const tell = (text: string): Promise<boolean> => write(io.stderr, `iommusan: ${text}\n`);
  const problem = translationProblem();
  if (problem !== undefined) await tell(problem);

  const end = newEnd();
  const line = newRecordingLine(io.stderr);
  let running: RecordedCommand | undefined;
  const signals = onSignals(signal => {
    // Ctrl-C reaches the command by itself; other signals are sent to one process.
    if (signal !== 'SIGINT') running?.kill(signal);
    end.now();
  });
  let timer: NodeJS.Timeout | undefined;
  let ending: string | undefined;
  const hooks: RecordingHooks = {
    stop: end.promise,
    started() {
      if (options.duration !== undefined) timer = setTimeout(end.now, options.duration);
      if (command.length === 0) return;
      running = startCommand(command);
      running.ended.then(text => {
        ending = text;
        end.now();
      }, end.fail);
    },
    progress: line.show,
  };
  try {
    const result = await record(tracefs, { ...sessionOptions(options), output: options.output }, hooks);
    line.clear();
    if (ending !== undefined) await tell(ending);
    await tell(`${options.output}: ${recordingText(result.counts, result.elapsedMs)}.`);
    for (const fact of result.missing) await tell(`not recorded: ${missingText(fact)}.`);
    for (const text of result.warnings) await tell(text);
  } finally {
    clearTimeout(timer);
    line.clear();
    signals.release();
  }
  if (!options.check) return EXIT.clean;
  return check([options.output], { ...DEFAULT_CHECK, color: options.color }, io, loadEngine);
}

/** What is to be recorded. */
export function sessionOptions({
  preset,
  stacks,
  buffer,
  device = [],
  initialState,
}: Pick<RecordCommandOptions, 'preset' | 'stacks' | 'buffer' | 'device' | 'initialState'>): SessionOptions {
  return {
    preset,
    devices: device,
    ...(stacks === undefined ? {} : { stacks }),
    ...(buffer === undefined ? {} : { bufferKib: buffer }),
    ...(initialState ? { initialState } : {}),
  };
}

/** A promise that is settled from outside, once. */
function newEnd(): { readonly promise: Promise<void>; now(): void; fail(error: unknown): void } {
  let now = (): void => {};
  let fail: (error: unknown) => void = () => {};
  const promise = new Promise<void>((settle, reject) => {
    now = settle;
    fail = reject;
  });
  return { promise, now: () => now(), fail: error => fail(error) };
}

/** Tells of what recordings that were killed have left. */
export async function tellLeftovers(leftovers: readonly Leftover[], io: Io): Promise<void> {
  for (const leftover of leftovers) {
    await write(
      io.stderr,
      `iommusan: a recording that was killed has left ${contentsOf(leftover)}; "iommusan record --clean" removes it.\n`,
    );
  }
}

import { realpathSync } from 'node:fs';
import { anonymizeTrace, type ConvertOptions, convertTrace, type TraceForm } from '../convert-trace.ts';
import { printable } from '../report/printable.ts';
import type { Gap } from '../trace/source.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import { UsageError } from './usage-error.ts';

/** Options of `iommusan convert` and `iommusan anonymize`, as commander hands them over. */
export interface ConvertCommandOptions extends Pick<ConvertOptions, 'compression'> {
  readonly to?: TraceForm;
}

/** What the name of an output ends with, and the form that it then has. */
const ENDINGS: readonly (readonly [ending: string, form: TraceForm])[] = [
  ['.dat', 'trace.dat'],
  ['.jsonl', 'jsonl'],
  ['.ndjson', 'jsonl'],
  ['.pftrace', 'perfetto'],
  ['.perfetto-trace', 'perfetto'],
];

/** `iommusan convert` */
export async function convert(
  input: string,
  output: string,
  { to, ...options }: ConvertCommandOptions,
  io: Io,
): Promise<ExitCode> {
  const form = to ?? ENDINGS.find(([ending]) => output.endsWith(ending))?.[1];
  if (form === undefined) {
    throw new UsageError(
      `the form of '${output}' cannot be told from its name: end it with .dat, .jsonl or .pftrace, or say --to.`,
    );
  }
  if (form === 'trace.dat') expectFile(output);
  expectOther(input, output);
  return written(io, input, () => convertTrace(input, output, form, options));
}

/** `iommusan anonymize` */
export async function anonymize(
  input: string,
  output: string,
  options: ConvertCommandOptions,
  io: Io,
): Promise<ExitCode> {
  if (input === '-') throw new UsageError('the input is read twice: name a file instead of standard input.');
  expectFile(output);
  expectOther(input, output);
  return written(io, input, () => anonymizeTrace(input, output, options));
}

async function written(io: Io, input: string, run: () => Promise<readonly Gap[]>): Promise<ExitCode> {
  try {
    for (const { message } of await run()) {
      await write(io.stderr, `iommusan: ${printable(input)}: ${printable(message)}\n`);
    }
  } catch (error) {
    // Whoever reads our output has enough of it.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
  }
  return EXIT.clean;
}

function expectFile(output: string): void {
  if (output !== '-') return;
  throw new UsageError(
    'a trace.dat cannot be written to standard output: its parts are put in order at the end.',
  );
}

/** The input is read while the output is written: they must not be the same file. */
function expectOther(input: string, output: string): void {
  if (input === '-' || output === '-' || realPath(input) !== realPath(output)) return;
  throw new UsageError(`'${output}' is the input: name another file to write.`);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

import { Writable } from 'node:stream';
import type { CheckTraceOptions, Engine } from '../../src/cli/engine.ts';
import type { ExitCode } from '../../src/cli/exit-code.ts';
import { main } from '../../src/cli/main.ts';
import type { CheckReport } from '../../src/findings/check-report.ts';
import type { Rule } from '../../src/findings/rule.ts';
import { TraceError } from '../../src/trace/trace-error.ts';
import { report } from '../report/samples.ts';
import { stats } from '../report/stats-samples.ts';

/** What a run of the command left behind. */
export interface Run {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** Calls of checkTrace(). */
  readonly checked: readonly { readonly path: string; readonly options: CheckTraceOptions }[];
}

export interface Setup {
  /** Report by path; any other path cannot be read. */
  readonly reports?: Readonly<Record<string, CheckReport>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
  /** The system's error when standard output is written to. */
  readonly stdoutError?: string;
  /** Thrown by checkTrace() in place of a report. */
  readonly fault?: Error;
  /** A library in place of the one that knows its reports beforehand. */
  readonly library?: Engine;
}

const RULES: Rule[] = ['free-while-mapped', 'unbind-leak', 'dma-wrong-size'].map(id => ({
  id,
  severity: 'error',
  title: id,
  needs: [],
  advice: [],
}));

/** Runs the command inside the test, on a library that knows its reports beforehand. */
export async function run(argv: readonly string[], setup: Setup = {}): Promise<Run> {
  const checked: Run['checked'][number][] = [];
  const reports = setup.reports ?? { 'clean.dat': report([]) };
  const engine: Engine = {
    RULES,
    checkTrace: async (path, options = {}) => {
      checked.push({ path, options });
      if (setup.fault !== undefined) throw setup.fault;
      options.onProgress?.(5_000_000, 10_000_000);
      const found = reports[path];
      if (found === undefined) throw new TraceError(path, 'no trace.dat file: it begins with \x1b[2J', 0);
      return found;
    },
    livesOf: async (_path, findings) => findings.map(() => ({ events: [], omitted: 0 })),
    traceStats: async path => {
      if (path !== 'clean.dat') throw new TraceError(path, 'no trace.dat file', 0);
      return stats;
    },
  };
  const stdout = new Terminal(setup.isTTY ?? false, setup.stdoutError);
  const stderr = new Terminal(setup.isTTY ?? false);
  const exitCode = await main(
    argv,
    { stdout, stderr, env: setup.env ?? {} },
    async () => setup.library ?? engine,
  );
  return { exitCode, stdout: stdout.text, stderr: stderr.text, checked };
}

class Terminal extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 80;
  readonly #error: string | undefined;

  constructor(isTTY: boolean, error?: string) {
    super();
    this.isTTY = isTTY;
    this.#error = error;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (this.#error !== undefined) {
      done(Object.assign(new Error(`${this.#error}: write`), { code: this.#error, syscall: 'write' }));
      return;
    }
    this.text += chunk.toString();
    done();
  }
}

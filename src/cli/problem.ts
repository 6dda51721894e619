import { RecordError } from '../record/record-error.ts';
import { printable } from '../report/printable.ts';
import { SettingsError } from '../settings/settings-error.ts';
import { StoredReportError } from '../settings/stored-report-error.ts';
import { TraceError } from '../trace/trace-error.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { OutputError } from './io.ts';
import { UsageError } from './usage-error.ts';

/** What to say about an error, and what to exit with. */
export interface Problem {
  readonly message: string;
  readonly exitCode: ExitCode;
}

/** Sorts an error by whose it is: the caller's, the input's, the system's or ours. */
export function problemOf(error: unknown): Problem {
  if (error instanceof UsageError) return { message: error.message, exitCode: EXIT.usage };
  if (error instanceof SettingsError) return { message: printable(error.message), exitCode: EXIT.usage };
  if (error instanceof TraceError || error instanceof StoredReportError)
    return { message: printable(error.message), exitCode: EXIT.unreadable };
  if (error instanceof OutputError) return { message: printable(error.message), exitCode: EXIT.internal };
  if (error instanceof RecordError) return { message: printable(error.message), exitCode: EXIT.unreadable };
  if (!(error instanceof Error))
    return { message: `internal error: ${String(error)}`, exitCode: EXIT.internal };
  if ('syscall' in error) {
    const exitCode = error.syscall === 'write' ? EXIT.internal : EXIT.unreadable;
    return { message: printable(error.message), exitCode };
  }
  const message = `internal error, please report it: ${error.stack ?? error.message}`;
  return { message, exitCode: EXIT.internal };
}

import { type ChildProcess, spawn } from 'node:child_process';
import { errorCode, RecordError } from './record-error.ts';

/** A command whose run is recorded. */
export interface RecordedCommand {
  /** Settles when it ends, with what to say about it: nothing after success. */
  readonly ended: Promise<string | undefined>;
  /** Passes a signal on that came to us only. */
  kill(signal: NodeJS.Signals): void;
}

/** Starts a command on the terminal of this one. */
export function startCommand([program = '', ...args]: readonly string[]): RecordedCommand {
  const child: ChildProcess = spawn(program, args, { stdio: 'inherit' });
  const ended = new Promise<string | undefined>((settle, fail) => {
    child.once('error', error => {
      const why = errorCode(error) === 'ENOENT' ? 'there is no such program' : errorCode(error);
      fail(new RecordError(`${program} cannot be started: ${why}.`));
    });
    child.once('exit', (code, signal) => {
      if (signal !== null) settle(`${program} was ended by ${signal}.`);
      else settle(code === 0 ? undefined : `${program} ended with status ${code}.`);
    });
  });
  return { ended, kill: signal => void child.kill(signal) };
}

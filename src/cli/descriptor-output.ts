import { fstatSync, writeSync } from 'node:fs';
import { holdWriteErrors, type Output, type TextOutput } from './io.ts';

/**
 * Standard output or error as the system has it. Node's own streams cost a small check 2 % of its time: they are made
 * only for a terminal, whose width and colours they know.
 *
 * @param stream Node's stream of the same descriptor
 */
export function descriptorOutput(fd: number, stream: () => Output): TextOutput {
  let own: TextOutput | undefined;
  const output = (): TextOutput => {
    own ??= isFileOrPipe(fd) ? { write: (text, done) => done(writeAll(fd, text)) } : held(stream());
    return own;
  };
  return {
    get isTTY() {
      return output().isTTY === true;
    },
    get columns() {
      return output().columns ?? 0;
    },
    write: (text, done) => output().write(text, done),
  };
}

function held(stream: Output): Output {
  holdWriteErrors(stream);
  return stream;
}

/** Whether it is certain to be no terminal; `/dev/null` and its relatives are of major number 1 (devices.txt). */
function isFileOrPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return !stat.isCharacterDevice() || stat.rdev >>> 8 === 1;
  } catch {
    return false;
  }
}

/** @returns what the system refused it with, if it did */
function writeAll(fd: number, text: string): Error | undefined {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // A pipe that another process made non-blocking: wait for its reader.
      if (!('code' in error) || error.code !== 'EAGAIN') return error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
  return undefined;
}

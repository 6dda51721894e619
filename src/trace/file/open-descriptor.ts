import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { TraceError } from '../trace-error.ts';

/** What `-` is called in messages. */
const STANDARD_INPUT = 'standard input';

/** An open file as the system has it. */
export interface Descriptor {
  /** The path, or `standard input`. */
  readonly name: string;
  readonly fd: number;
  /** Bytes of a regular file, which can be read anywhere; `undefined` for a pipe or a device. */
  readonly size: number | undefined;
}

/**
 * Opens `path` for reading; `-` is standard input.
 *
 * @throws {@link TraceError} for a missing file, a directory, or anything else that cannot be opened
 */
export function openDescriptor(path: string): Descriptor {
  if (path === '-') return descriptorOf(STANDARD_INPUT, 0);
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new TraceError(path, openProblem(error));
  }
  const stat = fstatSync(fd);
  if (stat.isDirectory()) {
    closeSync(fd);
    throw new TraceError(path, 'is a directory; name the trace.dat file in it');
  }
  return descriptorOf(path, fd);
}

function descriptorOf(name: string, fd: number): Descriptor {
  const stat = fstatSync(fd);
  return { name, fd, size: stat.isFile() ? stat.size : undefined };
}

/**
 * Reads what a pipe has, waiting for its writer if need be.
 *
 * @returns bytes read; 0 at the end
 */
export function readNext({ fd, name }: Descriptor, into: Uint8Array): number {
  for (;;) {
    try {
      return readSync(fd, into, 0, into.length, null);
    } catch (error) {
      // A pipe that another process made non-blocking: wait for its writer.
      if (errorCode(error) !== 'EAGAIN') throw new TraceError(name, openProblem(error));
      Atomics.wait(SLEEP, 0, 0, 10);
    }
  }
}

const SLEEP = new Int32Array(new SharedArrayBuffer(4));

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function openProblem(error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user; check its permissions';
    case 'EISDIR':
      return 'is a directory; name the trace.dat file in it';
    default:
      return `cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
  }
}

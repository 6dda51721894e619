import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { errorCode, RecordError } from './record-error.ts';

/** A file of tracefs that stays open. */
export interface OpenFile {
  /** Reads on: bytes read, 0 where the file has nothing now. Never blocks. */
  read(into: Uint8Array): number;
  /** Reads the file's text anew, from its beginning. */
  readAgain(into: Uint8Array): number;
  close(): void;
}

/** What recording needs of tracefs; paths are relative to its root. Tests have one of their own. */
export interface Tracefs {
  /** Where it is mounted, for messages. */
  readonly root: string;
  /** @throws the system's error */
  read(path: string): string;
  exists(path: string): boolean;
  /** Names in a directory; none where it does not exist. */
  list(path: string): string[];
  /** Writes by one write(2), without truncating: opening `dynamic_events` with `O_TRUNC` removes everybody's probes. */
  write(path: string, text: string): void;
  makeDirectory(path: string): void;
  removeDirectory(path: string): void;
  open(path: string): OpenFile;
}

/** Where tracefs is, as /proc/mounts has it; `undefined` where it is not mounted. */
export function mountedTracefs(mounts: string): string | undefined {
  const points = mounts.split('\n').flatMap(line => {
    const [, point = '', type] = line.split(' ');
    return type === 'tracefs' ? [point] : [];
  });
  // It may also be mounted below debugfs, for old tools.
  return points.find(point => point === '/sys/kernel/tracing') ?? points[0];
}

/**
 * The tracefs of this machine.
 *
 * @throws {@link RecordError} where it is not mounted or may not be used
 */
export function openTracefs(): Tracefs {
  if (process.platform !== 'linux')
    throw new RecordError('recording needs Linux; a trace can be checked anywhere.');
  const root = mountedTracefs(readFileSync('/proc/mounts', 'utf8'));
  if (root === undefined) {
    throw new RecordError(
      process.getuid?.() === 0
        ? 'tracefs is not mounted: mount it with "mount -t tracefs tracefs /sys/kernel/tracing". If that fails, this kernel is built without tracing or runs in a container that hides it.'
        : 'recording needs root, and tracefs at /sys/kernel/tracing.',
    );
  }
  try {
    accessSync(join(root, 'dynamic_events'), constants.R_OK | constants.W_OK);
    // Some are there and cannot be opened: lockdown and containers refuse that, whatever the permissions say.
    for (const name of ['dynamic_events', 'available_filter_functions']) {
      closeSync(openSync(join(root, name), constants.O_RDONLY));
    }
  } catch (error) {
    throw new RecordError(whyClosed(root, errorCode(error)));
  }
  return linuxTracefs(root);
}

function whyClosed(root: string, code: string): string {
  if (process.getuid?.() !== 0) return `recording needs root: ${root} cannot be opened (${code}).`;
  if (code === 'ENOENT') {
    return `this kernel has no dynamic events (${root}/dynamic_events is missing): it is built without CONFIG_KPROBE_EVENTS, or older than 5.0.`;
  }
  const lockdown = readOr('/sys/kernel/security/lockdown', '');
  if (/\[(integrity|confidentiality)\]/.test(lockdown)) {
    return `kernel lockdown (${lockdown.trim()}) forbids tracing: boot with lockdown=none, or without Secure Boot, to record.`;
  }
  return `${root} cannot be used although this is root (${code}): a container or a security module forbids it.`;
}

/** A system's file as text, or what stands for it where it cannot be read. */
export function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

/** tracefs below `root`. */
export function linuxTracefs(root: string): Tracefs {
  return {
    root,
    read: path => readFileSync(join(root, path), 'latin1'),
    exists: path => existsSync(join(root, path)),
    list(path) {
      try {
        return readdirSync(join(root, path));
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return [];
        throw error;
      }
    },
    write(path, text) {
      const fd = openSync(join(root, path), constants.O_WRONLY);
      try {
        writeSync(fd, text, null, 'latin1');
      } finally {
        closeSync(fd);
      }
    },
    makeDirectory: path => mkdirSync(join(root, path)),
    removeDirectory: path => rmdirSync(join(root, path)),
    open: path => openFile(join(root, path)),
  };
}

/** A read of an empty `trace_pipe_raw` would block: nothing else of this process would run until an event comes. */
function openFile(path: string): OpenFile {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return {
    read(into) {
      try {
        return readSync(fd, into, 0, into.length, null);
      } catch (error) {
        if (errorCode(error) === 'EAGAIN') return 0;
        throw error;
      }
    },
    readAgain: into => readSync(fd, into, 0, into.length, 0),
    close: () => closeSync(fd),
  };
}

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputFile } from '../file/input-file.ts';
import { TraceError } from '../trace-error.ts';
import type { Folder, Member } from './folder.ts';

/** What a capture consists of, beside files of its own: whoever names `/` does not wait for all of it. */
const FOLDERS = ['events', 'per_cpu', 'instances'];

/** `instances/NAME/per_cpu/cpuN/trace_pipe_raw` lies deepest. */
const DEEPEST = 5;

/** Files of a capture at most: a kernel has some thousand events. */
const MOST_FILES = 100_000;

/** Whether `path` is a directory; a path that does not exist is none. */
export function isDirectory(path: string): boolean {
  return (
    path !== '-' &&
    !path.includes('\0') &&
    (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false)
  );
}

/** A capture in a directory. Symbolic links are not followed. */
export function openDirectory(path: string): Folder {
  const paths: string[] = [];
  list(path, '', 0, paths);
  const known = new Set(paths);
  const open = new Map<string, Member>();
  return {
    name: path,
    form: 'raw capture directory',
    paths,
    problems: [],
    open(relative) {
      if (!known.has(relative)) return undefined;
      let member = open.get(relative);
      if (!member) {
        const file = InputFile.open(join(path, relative));
        member = { file, offset: 0, size: file.size };
        open.set(relative, member);
      }
      return member;
    },
    close() {
      for (const { file } of open.values()) file.close();
    },
  };
}

function list(root: string, relative: string, depth: number, into: string[]): void {
  const entries = (() => {
    try {
      return readdirSync(join(root, relative), { withFileTypes: true });
    } catch (error) {
      throw new TraceError(
        join(root, relative),
        `cannot be listed: ${error instanceof Error ? error.message : error}`,
      );
    }
  })();
  for (const entry of entries) {
    const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
    if (entry.isFile()) into.push(path);
    else if (entry.isDirectory() && (depth > 0 ? depth < DEEPEST : FOLDERS.includes(entry.name))) {
      list(root, path, depth + 1, into);
    }
    if (into.length > MOST_FILES) {
      throw new TraceError(
        root,
        `holds more than ${MOST_FILES} files and is no raw capture (docs/raw-capture.md)`,
      );
    }
  }
}

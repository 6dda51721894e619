import type { Tracefs } from './tracefs.ts';

/**
 * A tracefs that is read as it is, and not changed: each change is told as the shell command that would make it. Its
 * setup goes the same way as the real one, so what is printed is what would be done.
 */
export function dryRunTracefs(real: Tracefs, tell: (command: string) => void): Tracefs {
  const at = (path: string): string => `${real.root}/${path}`;
  return {
    ...real,
    write: (path, text) => tell(`echo ${shellQuoted(text.trimEnd())} >> ${at(path)}`),
    makeDirectory: path => tell(`mkdir ${at(path)}`),
    removeDirectory: path => tell(`rmdir ${at(path)}`),
  };
}

/** A word of a POSIX shell that stands for `text`. */
export function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { isTraceDat, MAGIC } from '../trace/dat/magic.ts';
import { defaultSuppressions, mayHaveSettings } from './setting-names.ts';

/**
 * Whether a run is `iommusan check FILE`, FILE is a trace.dat, and neither options nor settings say more. Most runs are,
 * and the executable has a bundle of its own for them, which knows no options and no other form of input.
 *
 * @param argv arguments without the interpreter and the script
 */
export function isPlainCheck(
  [command, file, ...more]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (command !== 'check' || file === undefined || more.length > 0 || !isRecording(file)) return false;
  return !mayHaveSettings(undefined, env) && defaultSuppressions() === undefined;
}

/** Whether a word is no option, and names a file that begins as a trace.dat does. */
function isRecording(word: string): boolean {
  if (word.startsWith('-')) return false;
  // Of a pipe, what is read here would be missing later.
  if (!isRegularFile(word)) return false;
  let fd: number | undefined;
  try {
    fd = openSync(word, 'r');
    const head = new Uint8Array(MAGIC.length);
    return readSync(fd, head, 0, head.length, 0) === head.length && isTraceDat(head);
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function isRegularFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}

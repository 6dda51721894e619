import { statSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

/** Bytes from which the reading of a trace takes longer than V8's way to the fastest code. */
const LONG_INPUT = 8 << 20;

/**
 * A small trace is read in less time than V8 takes to optimise the functions that read it, and its compiler threads
 * take the processor from them. Inlining less makes their work smaller; the zstd decoder, one function of which takes
 * 40 ms to optimise, stays as it is. A long trace is read a third faster with all inlining.
 *
 * @param words arguments of the command, of which some may be files
 */
export function setV8Flags(words: readonly string[]): void {
  if (!isShort(words)) return;
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=120');
  setFlagsFromString('--wasm-tiering-budget=2000000000');
}

/** Whether the files among the arguments are small in all; what is no file, such as a pipe, may be long. */
export function isShort(words: readonly string[]): boolean {
  let bytes = 0;
  for (const word of words) {
    if (word === '-') return false;
    bytes += sizeOf(word);
  }
  return bytes < LONG_INPUT;
}

/** Bytes of a file; 0 for words that name none that can be looked at. */
function sizeOf(word: string): number {
  try {
    return statSync(word, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}

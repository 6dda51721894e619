import { statSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

/** Bytes from which the reading of a trace takes longer than V8's way to the fastest code. */
const LONG_INPUT = 8 << 20;

/**
 * A small trace is read in less time than V8 takes to optimise the functions that read it, and its compiler threads
 * take the processor from them. Inlining less makes their work smaller; WebAssembly stays as it is: one function of the
 * zstd decoder takes 40 ms to optimise. A long trace is read a third faster with all inlining.
 *
 * Only flags that Node 20 to 24 have: V8 complains of others on standard error.
 *
 * @param words arguments of the command, of which some may be files
 */
export function setV8Flags(words: readonly string[]): void {
  if (!isShort(words)) return;
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=120');
  // Both: without either, functions are optimised in the other's way.
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
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

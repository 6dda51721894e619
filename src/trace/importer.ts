import type { InputFile } from './file/input-file.ts';
import type { Source } from './source.ts';

/** One form of input: whether it is that, and how it is opened. */
export interface Importer {
  /** For messages: `a trace.dat of trace-cmd`. */
  readonly name: string;
  /** Whether an input that begins with these bytes is of this form; its name tells nothing. */
  matches(head: Uint8Array): boolean;
  /** @throws {@link TraceError} where the input turns out not to be readable; the caller then closes it */
  open(file: InputFile): Promise<Source>;
}

/** Bytes that {@link Importer.matches} is shown, or fewer where the input ends. */
export const HEAD_BYTES = 4096;

import type { Input } from './file/input.ts';
import type { Source } from './source.ts';

/** One form of input: whether it is that, and how it is opened. */
export interface Importer {
  /** For messages: `a trace.dat of trace-cmd`. */
  readonly name: string;
  /** Whether content that begins with these bytes, some 16 KiB of it, is of this form; its name tells nothing. */
  matches(head: Uint8Array): boolean;
  /**
   * The source closes the input when it is closed.
   *
   * @throws {@link TraceError} where the input turns out not to be readable; the caller then closes it
   */
  open(input: Input): Promise<Source>;
}

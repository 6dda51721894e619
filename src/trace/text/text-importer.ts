import type { Importer } from '../importer.ts';
import { newLineHeader, scanLineHeader } from './line-header.ts';
import { LineSplitter, newlineIn, textEnd } from './line-splitter.ts';
import { startsWith } from './scan.ts';
import { TextSource } from './text-source.ts';

/** What the first line of a text is that may have its first event far behind, or none at all. */
const FIRST_LINES = ['# tracer: ', '# ========'];

/** Bytes in which no text has a NUL. */
const TEXT_BYTES = 512;

/** The texts of ftrace, trace-cmd report and perf script among the forms of input. */
export const textImporter: Importer = {
  name: 'the text of tracefs, of trace-cmd report or of perf script',
  matches: looksLikeTrace,
  open: async input => new TextSource(input),
};

function looksLikeTrace(head: Uint8Array): boolean {
  if (FIRST_LINES.some(line => startsWith(head, 0, head.length, line))) return true;
  if (head.subarray(0, TEXT_BYTES).includes(0)) return false;
  const header = newLineHeader();
  let found = false;
  const splitter = new LineSplitter((bytes, start, end) => {
    for (let at = start; at < end && !found; ) {
      const stop = newlineIn(bytes, at, end);
      found = scanLineHeader(bytes, at, textEnd(bytes, at, stop), header);
      at = stop + 1;
    }
  });
  splitter.push(head);
  splitter.finish();
  return found;
}

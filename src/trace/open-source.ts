import { InputFile } from './file/input-file.ts';
import { HEAD_BYTES, type Importer } from './importer.ts';
import type { Source } from './source.ts';
import { preview, TraceError } from './trace-error.ts';
import { traceDatImporter } from './trace-source.ts';

/** Every form of input, in the order in which they are tried. */
const IMPORTERS: readonly Importer[] = [traceDatImporter];

/**
 * Opens a recorded trace of any form, which its first bytes tell.
 *
 * @param path `-` is standard input
 * @throws {@link TraceError} where the input cannot be opened, is of no known form or ends before its events
 */
export async function openSource(path: string): Promise<Source> {
  const file = InputFile.open(path);
  try {
    const head = file.readUpTo(0, HEAD_BYTES);
    if (head.length === 0) throw new TraceError(file.name, 'is empty; a recorded trace is expected');
    const importer = IMPORTERS.find(candidate => candidate.matches(head));
    if (importer) return await importer.open(file);
    throw new TraceError(
      file.name,
      `is no trace: it begins with ${preview(head)}. It should be ${IMPORTERS.map(({ name }) => name).join(' or ')}`,
    );
  } catch (error) {
    file.close();
    throw error;
  }
}

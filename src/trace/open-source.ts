import { captureImporter, openCaptureDirectory } from './capture/capture-importer.ts';
import { isDirectory } from './capture/directory.ts';
import { openInput } from './file/input.ts';
import type { Importer } from './importer.ts';
import { perfImporter } from './perf/perf-source.ts';
import type { Source } from './source.ts';
import { textImporter } from './text/text-importer.ts';
import { traceDatImporter } from './trace-dat-importer.ts';
import { preview, TraceError } from './trace-error.ts';

/** Every form of input, in the order in which they are tried. */
const IMPORTERS: readonly Importer[] = [traceDatImporter, perfImporter, captureImporter, textImporter];

/**
 * Opens a recorded trace of any form, which its first bytes tell; what gzip, zstd or xz has compressed is looked into.
 *
 * @param path `-` is standard input
 * @throws {@link TraceError} where the input cannot be opened, is of no known form or ends before its events
 */
export async function openSource(path: string): Promise<Source> {
  if (isDirectory(path)) return openCaptureDirectory(path);
  const input = await openInput(path);
  try {
    const { head, name } = input;
    if (head.length === 0) throw new TraceError(name, 'is empty; a recorded trace is expected');
    const importer = IMPORTERS.find(candidate => candidate.matches(head));
    if (importer) return await importer.open(input);
    throw new TraceError(
      name,
      `is no trace: it begins with ${preview(head)}. It should be ${IMPORTERS.map(form => form.name).join(', or ')}`,
    );
  } catch (error) {
    input.close();
    throw error;
  }
}

import { isTraceDat } from './dat/magic.ts';
import { readTraceDat } from './dat/open.ts';
import { InputFile } from './file/input-file.ts';
import type { Importer } from './importer.ts';
import type { Source } from './source.ts';
import type { TraceError } from './trace-error.ts';
import { TraceSource } from './trace-source.ts';

/** trace.dat among the forms of input. */
export const traceDatImporter: Importer = {
  name: 'a trace.dat',
  matches: isTraceDat,
  async open(input) {
    return sourceOf(await input.file(), input.container, () => input.damage());
  },
};

/**
 * Opens a file that is known to be a trace.dat.
 *
 * @throws {@link TraceError} where it is none, or ends before its events
 */
export function openTraceDatFile(path: string): Promise<Source> {
  return sourceOf(InputFile.open(path), undefined, () => undefined);
}

async function sourceOf(
  file: InputFile,
  container: string | undefined,
  damage: () => TraceError | undefined,
): Promise<Source> {
  try {
    const trace = await readTraceDat(file);
    const cut = damage();
    if (cut) trace.gaps.push({ offset: file.size, message: cut.problem });
    if (!trace.text) return TraceSource.of(trace, container);
    const { latencySource } = await import('./latency-source.ts');
    return latencySource(trace, trace.text, container);
  } catch (error) {
    file.close();
    throw damage() ?? error;
  }
}

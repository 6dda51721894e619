import { InputFile } from '../file/input-file.ts';
import { readHeader } from './file-header.ts';
import type { TraceDat } from './trace-dat.ts';
import { readVersion6 } from './version-6.ts';
import { readVersion7 } from './version-7.ts';

/**
 * Opens a trace.dat and reads its description, not its events.
 *
 * @throws {@link TraceError} where the file is none, or is cut before its event data
 */
export async function openTraceDat(path: string): Promise<TraceDat> {
  const file = InputFile.open(path);
  try {
    return await readTraceDat(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Reads the description of a trace.dat that is open already, and stays open. */
export async function readTraceDat(file: InputFile): Promise<TraceDat> {
  const header = readHeader(file);
  return header.version === 6 ? readVersion6(file, header) : readVersion7(file, header);
}

/** `trace.dat version 7 (zstd)` */
export function fileForm(version: number, compression: string): string {
  return `trace.dat version ${version}${compression === 'none' ? '' : ` (${compression})`}`;
}

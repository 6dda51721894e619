import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the build puts the page. Both `src/cli` and `dist/bin` are two folders below the root of the package. */
const PAGE = join(import.meta.dirname, '..', '..', 'dist', 'web', 'report.html');

/** The page of the HTML report, without data. */
export function readReportPage(): Promise<string> {
  return readFile(PAGE, 'utf8');
}

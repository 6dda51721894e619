import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Where the pages of the rules are. Both `src/cli` and `dist/bin`, to which the command is bundled, are two folders
 * below the root of the package, and the package carries `docs`.
 */
const PAGES = join(import.meta.dirname, '..', '..', 'docs', 'checks');

/** The page of a rule, as Markdown. */
export function readRulePage(id: string): Promise<string> {
  return readFile(join(PAGES, `${id}.md`), 'utf8');
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LINK = /\]\(([^)#\s]+)(?:#[^)]*)?\)/g;
const CODE = /```[\s\S]*?```|`[^`\n]*`/g;

/** Folders with documents of the project's own. */
const FOLDERS = ['docs', 'src', 'web', 'bench'];

function documents(): string[] {
  const top = readdirSync(ROOT).filter(name => name.endsWith('.md'));
  const inner = FOLDERS.flatMap(folder =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.md'))
      .map(name => join(folder, name)),
  );
  return [...top, ...inner];
}

describe('the documents', () => {
  it.each(documents())('%s links to what is there', name => {
    const path = join(ROOT, name);
    const links = readFileSync(path, 'utf8').replace(CODE, '').matchAll(LINK);
    const broken = Array.from(links, ([, target = '']) => target)
      .filter(target => !/^[a-z]+:/.test(target))
      .filter(target => !existsSync(resolve(dirname(path), target)));
    expect(broken).toEqual([]);
  });

  it('are all in the book, or in what the book links to', () => {
    const seen = new Set<string>();
    const visit = (name: string): void => {
      if (seen.has(name)) return;
      seen.add(name);
      const path = join(ROOT, name);
      for (const [, target = ''] of readFileSync(path, 'utf8').matchAll(LINK)) {
        const linked = resolve(dirname(path), target);
        if (target.endsWith('.md') && existsSync(linked)) visit(relative(ROOT, linked));
      }
    };
    visit('docs/README.md');
    expect(documents().filter(name => name.startsWith('docs/') && !seen.has(name))).toEqual([]);
  });
});

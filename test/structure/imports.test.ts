import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * The one rule about structure that a machine checks: data flows one way. A room may import itself and the rooms
 * named here (docs/architecture.md). The files directly in src/ wire the rooms together for the library.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  trace: ['kernel'],
  record: ['kernel', 'trace'],
  machine: ['kernel'],
  shadow: ['kernel'],
  findings: ['kernel'],
  checks: ['kernel', 'shadow', 'findings'],
  timeline: ['kernel', 'shadow', 'checks', 'findings'],
  convert: ['kernel', 'shadow', 'checks', 'findings'],
  lane: ['kernel', 'trace', 'shadow', 'checks'],
  report: ['kernel', 'findings'],
  settings: ['findings', 'schema'],
  '.': ['kernel', 'trace', 'machine', 'shadow', 'checks', 'findings', 'timeline', 'convert', 'lane'],
  cli: ['kernel', 'trace', 'record', 'machine', 'shadow', 'checks', 'findings', 'report', 'settings', '.'],
  bin: ['cli'],
};

/** Packages that a room may use beside Node's own modules. The core has none but decoders. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  trace: ['zstddec/stream', 'xz-decompress'],
  report: ['fast-xml-builder', 'sarif'],
  settings: ['yaml', 'ajv/dist/2020.js'],
  cli: ['commander', 'cli-progress', 'log-update', 'sucrase'],
};

const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url));
const IMPORT = /(?:\bfrom\s+|\bimport\(\s*|^import\s+)'([^']+)'/gm;

/** Lines of a documentation comment, which may show an import. */
const COMMENT_LINE = /^\s*\*.*$/gm;

interface Import {
  readonly file: string;
  readonly room: string;
  readonly target: string;
}

function roomOf(path: string): string {
  const parts = relative(SOURCES, path).split(sep);
  if (parts[0] === '..') return parts[1] ?? '..';
  return parts.length === 1 ? '.' : (parts[0] ?? '.');
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8').replace(COMMENT_LINE, '');
  return Array.from(text.matchAll(IMPORT), ([, target = '']) => ({ file, room: roomOf(file), target }));
}

const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .map(name => join(SOURCES, name));
const imports = files.flatMap(importsOf);

describe('the import table', () => {
  it('knows every room', () => {
    expect(new Set(files.map(roomOf))).toEqual(new Set(Object.keys(MAY_IMPORT)));
  });

  it('is kept by every import of another room', () => {
    const broken = imports
      .filter(({ target }) => target.startsWith('.'))
      .map(entry => ({ ...entry, to: roomOf(resolve(dirname(entry.file), entry.target)) }))
      .filter(({ room, to }) => to !== room && !MAY_IMPORT[room]?.includes(to))
      .map(({ file, target }) => `${relative(SOURCES, file)} imports ${target}`);
    expect(broken).toEqual([]);
  });

  it('keeps packages out of the core', () => {
    const broken = imports
      .filter(({ target }) => !target.startsWith('.') && !target.startsWith('node:'))
      .filter(({ room, target }) => !MAY_USE[room]?.includes(target))
      .map(({ file, target }) => `${relative(SOURCES, file)} uses ${target}`);
    expect(broken).toEqual([]);
  });

  it('gives the pages of web/ words and types, and no more', () => {
    const pages = fileURLToPath(new URL('../../web/', import.meta.url));
    const targets = readdirSync(pages, { recursive: true, encoding: 'utf8' })
      .filter(name => /\.tsx?$/.test(name))
      .flatMap(name => importsOf(join(pages, name)))
      .map(({ target }) => target);
    const foreign = targets.filter(target => /^(\.\.\/){2}|^node:/.test(target));
    expect(foreign.length).toBeGreaterThan(5);
    expect(foreign.filter(target => !/^..\/..\/src\/(report|findings)\//.test(target))).toEqual([]);
  });

  it('sees imports at all: this test would fail if it read none', () => {
    expect(imports.length).toBeGreaterThan(100);
  });
});

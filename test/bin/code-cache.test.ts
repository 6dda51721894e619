import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeCacheOf, compileBundle, compileFromCache, requireBundle } from '../../src/bin/code-cache.ts';

const require = createRequire(import.meta.url);
const told = (globalThis as { codeCacheTest?: unknown[] }).codeCacheTest ?? [];
(globalThis as { codeCacheTest?: unknown[] }).codeCacheTest = told;

const SOURCE = `this.iommusan = (function (exports, require, module, __filename, __dirname) {
  function answer() { return 6 * 7; }
  globalThis.codeCacheTest.push(answer(), require('node:path').basename(__filename), typeof module.exports);
});`;

describe('a command that starts from compiled code', () => {
  let folder: string;
  let path: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'iommusan-code-'));
    path = join(folder, 'command.cjs');
    writeFileSync(path, SOURCE);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const runs = (compiled: { run(require: NodeJS.Require): void } | undefined): unknown[] => {
    told.length = 0;
    compiled?.run(require);
    return [...told];
  };

  it('runs as a CommonJS file does', () => {
    expect(runs(compileBundle(path))).toEqual([42, 'command.cjs', 'object']);
  });

  it('runs as well where Node loads it', () => {
    expect(runs({ run: () => requireBundle(path, require) })).toEqual([42, 'command.cjs', 'object']);
  });

  it('has nothing to start from before the code was kept', () => {
    expect(compileFromCache(path)).toBeUndefined();
  });

  it('takes the code that an earlier run has kept', () => {
    const first = compileBundle(path);
    first.run(require);
    writeFileSync(codeCacheOf(path), first.script.createCachedData());
    const again = compileFromCache(path);
    expect(again?.script.cachedDataRejected).toBe(false);
    expect(runs(again)).toEqual([42, 'command.cjs', 'object']);
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['no code', Buffer.from('this is no compiled code, but it is long enough to look at it')],
  ])('compiles anew where the cache is %s', (name, bytes) => {
    // Another text: V8 remembers what it has compiled in this process.
    writeFileSync(path, `${SOURCE}// ${name}`);
    writeFileSync(codeCacheOf(path), bytes);
    const compiled = compileFromCache(path);
    expect(compiled?.script.cachedDataRejected).toBe(true);
    expect(runs(compiled)).toEqual([42, 'command.cjs', 'object']);
  });
});

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { latencyRecording } from '../helpers/latency-recording.ts';

// The built executable, as a shell starts it. Work is counted, not time.

const BUILT = 'dist/bin';
const BUG = resolve('examples/uaf.dat');
const OK = resolve('examples/ok.dat');

/** Of Node's modules those that a check of a recording does without; together they take as long as reading one. */
const NOT_NEEDED = [
  'child_process',
  'fs/promises',
  'http',
  'internal/fs/sync_write_stream',
  'net',
  'tty',
  'worker_threads',
];

/** Bytes that a check reads before it opens a trace: the bundle, copied once, and the code that V8 has made of it. */
const MOST_PROGRAM = 400_000;
const MOST_CODE = 600_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'iommusan-bin-'));
  // It has a cache of its own where Node keeps one, so that nothing is left behind.
  cpSync(BUILT, join(folder, 'bin'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(executable: string, argv: readonly string[], nodeOptions: readonly string[] = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeOptions, executable, ...argv], {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: process.env['PATH'], XDG_CACHE_HOME: join(folder, 'cache') },
  });
  return { status, stdout: stdout.replace(/checked in [\d.]+ m?s/, ''), stderr };
}

const copy = (): string => join(folder, 'bin', 'iommusan.cjs');
const caches = (): string[] => readdirSync(join(folder, 'bin')).filter(name => name.endsWith('.cache'));

describe('the built executable', () => {
  it('says the same through a link, without compiled code, and with code that is none', () => {
    const first = run(copy(), ['check', BUG]);
    expect(first).toMatchObject({ status: 1, stderr: '' });
    expect(first.stdout).toContain('free-while-mapped');
    mkdirSync(join(folder, 'links'));
    symlinkSync('../bin/iommusan.cjs', join(folder, 'links', 'iommusan'));
    expect(run(join(folder, 'links', 'iommusan'), ['check', BUG])).toEqual(first);
    for (const name of caches()) writeFileSync(join(folder, 'bin', name), 'no code');
    expect(run(copy(), ['check', BUG])).toEqual(first);
    for (const name of caches()) rmSync(join(folder, 'bin', name));
    expect(run(copy(), ['check', BUG])).toEqual(first);
    expect(run(copy(), ['check', '--color', 'never', BUG])).toEqual(first);
  });

  it('writes nothing beside itself', () => {
    const before = readdirSync(join(folder, 'bin'));
    run(copy(), ['check', OK]);
    run(copy(), ['stats', OK]);
    expect(readdirSync(join(folder, 'bin'))).toEqual(before);
  });

  it('reads the text of a latency tracer, which another bundle does', () => {
    const path = join(folder, 'latency.dat');
    writeFileSync(path, latencyRecording());
    const whole = run(copy(), ['check', '--color', 'auto', path]);
    expect(whole).toMatchObject({ status: 1, stderr: '' });
    expect(run(copy(), ['check', path])).toEqual(whole);
  });

  it('needs only one bundle for a check of a recording, and that is small', () => {
    rmSync(join(folder, 'bin', 'command.cjs'));
    expect(run(copy(), ['check', BUG])).toMatchObject({ status: 1, stderr: '' });
    expect(run(copy(), ['--help']).status).not.toBe(0);
    expect(statSync(join(BUILT, 'check.cjs')).size).toBeLessThan(MOST_PROGRAM);
    for (const name of caches().filter(file => file.startsWith('check.cjs'))) {
      expect(statSync(join(BUILT, name)).size).toBeLessThan(MOST_CODE);
    }
  });

  it('loads few of Node’s modules for it', () => {
    const hook = join(folder, 'hook.cjs');
    const list = join(folder, 'modules');
    writeFileSync(
      hook,
      `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(list)}, process.moduleLoadList.join('\\n')));`,
    );
    expect(run(copy(), ['check', OK], ['--require', hook])).toMatchObject({ status: 0, stderr: '' });
    const loaded = readFileSync(list, 'utf8').split('\n');
    expect(loaded).toContain('NativeModule fs');
    expect(loaded.filter(name => NOT_NEEDED.includes(name.replace('NativeModule ', '')))).toEqual([]);
  });
});

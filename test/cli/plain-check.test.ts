import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkRecording } from '../../src/cli/check-recording.ts';
import { descriptorOutput } from '../../src/cli/descriptor-output.ts';
import { main } from '../../src/cli/main.ts';
import { isPlainCheck } from '../../src/cli/plain-check.ts';
import { latencyRecording } from '../helpers/latency-recording.ts';

const OK = 'examples/ok.dat';
const BUG = 'examples/uaf.dat';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'iommusan-plain-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

class Text extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

describe('a plain check', () => {
  it('is one of a recording, without options', () => {
    expect(isPlainCheck(['check', OK], {})).toBe(true);
    expect(isPlainCheck(['check', BUG], { PATH: '/bin' })).toBe(true);
  });

  it.each([
    ['another command', ['stats', OK]],
    ['no command', []],
    ['no file', ['check']],
    ['an option', ['check', '--format', 'json', OK]],
    ['an option behind the file', ['check', OK, '--all']],
    ['standard input', ['check', '-']],
    ['several files', ['check', OK, BUG]],
    ['a file that is not there', ['check', 'no such file']],
    ['a directory', ['check', 'examples']],
    ['another form of input', ['check', 'README.md']],
    ['a name that no file can have', ['check', 'a\0b']],
  ])('is none with %s', (_, argv) => {
    expect(isPlainCheck(argv, {})).toBe(false);
  });

  it('is none where settings may say more', () => {
    expect(isPlainCheck(['check', OK], { IOMMUSAN_CHECK_FORMAT: 'json' })).toBe(false);
  });

  it('takes nothing from a pipe to see what it is', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(isPlainCheck(['check', pipe], {})).toBe(false);
  });

  it.each([OK, BUG, 'cut.dat'])('of %s says what the whole command says', async name => {
    const path = name === 'cut.dat' ? join(folder, name) : name;
    if (path !== name) writeFileSync(path, readFileSync(OK).subarray(0, 600));
    const outcome = async (run: (io: { stdout: Text; stderr: Text; env: object }) => Promise<unknown>) => {
      const io = { stdout: new Text(), stderr: new Text(), env: {} };
      const exitCode = await run(io);
      return [exitCode, io.stdout.text.replace(/checked in [\d.]+ m?s/g, ''), io.stderr.text];
    };
    expect(isPlainCheck(['check', path], {})).toBe(true);
    expect(await outcome(io => checkRecording(path, { ...io, env: {} }))).toEqual(
      await outcome(io => main(['check', path], { ...io, env: {} })),
    );
  });

  it('leaves the text of a latency tracer to the whole command', async () => {
    const path = join(folder, 'latency.dat');
    writeFileSync(path, latencyRecording());
    const io = { stdout: new Text(), stderr: new Text(), env: {} };
    expect(await checkRecording(path, io)).toBeUndefined();
    expect([io.stdout.text, io.stderr.text]).toEqual(['', '']);
  });
});

describe('output by descriptor', () => {
  const never = (): never => {
    throw new Error('a file needs no stream');
  };
  const written = (fd: number, text: string): Promise<unknown> =>
    new Promise(resolve => {
      const output = descriptorOutput(fd, never);
      output.write(text, resolve);
    });

  it('writes all of a text to a file, which is no terminal', async () => {
    const path = join(folder, 'report.txt');
    const fd = openSync(path, 'w');
    const text = '→ '.repeat(100_000);
    expect(await written(fd, text)).toBeUndefined();
    expect(descriptorOutput(fd, never).isTTY).toBe(false);
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('tells why the system does not take it', async () => {
    const fd = openSync('/dev/full', 'w');
    expect(await written(fd, 'text')).toMatchObject({ code: 'ENOSPC', syscall: 'write' });
    closeSync(fd);
  });

  it("asks Node's stream about a terminal", () => {
    const stream = Object.assign(new Text(), { isTTY: true, columns: 132 });
    const output = descriptorOutput(openSync('/dev/ptmx', 'r+'), () => stream);
    expect([output.isTTY, output.columns]).toEqual([true, 132]);
    output.write('text', () => {});
    expect(stream.text).toBe('text');
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { temporaryFiles } from '../helpers/play.ts';
import { fixture } from '../helpers/traces.ts';
import { run as runCommand } from './harness.ts';

const files = temporaryFiles();
const TRACE = fixture('stock-kernel/uaf.dat');

async function run(...argv: string[]): Promise<{ exitCode: number; stderr: string }> {
  const { exitCode, stderr } = await runCommand(argv);
  return { exitCode, stderr };
}

describe('iommusan convert', () => {
  it.each([
    ['out.dat', 'tracing7'],
    ['out.jsonl', '{"event":'],
    ['out.pftrace', 'Domain 0x'],
  ])('writes %s in the form that its name says', async (name, content) => {
    const out = files.path(name);
    expect(await run('convert', TRACE, out)).toEqual({ exitCode: 0, stderr: '' });
    expect(readFileSync(out, 'latin1')).toContain(content);
  });

  it('asks for the form where the name does not tell', async () => {
    const out = files.path('out.txt');
    expect(await run('convert', TRACE, out)).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining(
        'cannot be told from its name: end it with .dat, .jsonl or .pftrace, or say --to',
      ),
    });
    expect(await run('convert', '--to', 'jsonl', TRACE, out)).toEqual({ exitCode: 0, stderr: '' });
  });

  it('does not write over its input, nor a trace.dat to standard output', async () => {
    expect((await run('convert', TRACE, TRACE)).exitCode).toBe(2);
    expect((await run('convert', '--to', 'trace.dat', TRACE, '-')).stderr).toContain('standard output');
    expect((await run('anonymize', '-', 'x.dat')).stderr).toContain('read twice');
  });

  it('says what it cannot read or write, and leaves nothing behind', async () => {
    expect(await run('convert', files.path('none.dat'), files.path('a.dat'))).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('there is no such file'),
    });
    expect((await run('convert', TRACE, files.path('no/such/folder.dat'))).exitCode).toBe(3);
    const noTrace = files.write('no-trace.dat', Buffer.from('hello'));
    expect((await run('anonymize', noTrace, files.path('b.dat'))).exitCode).toBe(3);
    expect(['a.dat', 'b.dat', 'b.dat.partial'].map(name => existsSync(files.path(name)))).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('tells what it could not read of a file that is cut short, and converts the rest', async () => {
    const cut = files.write('cut.dat', readFileSync(TRACE).subarray(0, -6000));
    const { exitCode, stderr } = await run('convert', cut, files.path('cut.jsonl'));
    expect(exitCode).toBe(0);
    expect(stderr).toContain('the file is cut short');
  });
});

import { describe, expect, it } from 'vitest';
import { closest } from '../../src/cli/closest.ts';
import { newProgress } from '../../src/cli/progress.ts';
import { stats } from '../report/stats-samples.ts';
import { run } from './harness.ts';

describe('iommusan', () => {
  it.each([[['--help']], [['help', 'check']], [['check', '--help']], [['stats', '-h']]])(
    'explains itself with examples: %j',
    async argv => {
      const { exitCode, stdout, stderr } = await run(argv);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^Usage: iommusan/);
      expect(stdout).toContain('Examples:\n  iommusan ');
      expect(stderr).toBe('');
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    },
  );

  it('documents every exit code of check', async () => {
    const { stdout } = await run(['check', '--help']);
    for (const code of [0, 1, 2, 3, 4, 70]) expect(stdout).toMatch(new RegExp(`^ {2}${code} +\\w`, 'm'));
  });

  it('tells its version', async () => {
    expect(await run(['--version'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });

  it('is used wrongly without a command, or with one that does not exist', async () => {
    expect(await run([])).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('Usage:'),
    });
    expect(await run(['chek', 'clean.dat'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Did you mean check?'),
    });
  });

  it('bears a closed pipe while it explains itself', async () => {
    expect(await run(['--help'], { stdoutError: 'EPIPE' })).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

describe('iommusan stats', () => {
  it('writes text and JSON', async () => {
    const text = await run(['stats', 'clean.dat']);
    expect(text).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('kmem:mm_page_alloc') });
    const json = await run(['stats', '--format', 'json', 'clean.dat']);
    expect(JSON.parse(json.stdout)).toEqual(stats);
  });

  it('refuses what it cannot read, and more than one file', async () => {
    expect(await run(['stats', 'x.dat'])).toMatchObject({
      exitCode: 3,
      stdout: '',
      stderr: 'iommusan: x.dat: no trace.dat file (at byte 0)\n',
    });
    expect((await run(['stats', 'clean.dat', 'clean.dat'])).exitCode).toBe(2);
  });
});

describe('closest()', () => {
  it('finds a slip of the keyboard, and nothing far-fetched', () => {
    const ids = ['free-while-mapped', 'alloc-while-mapped', 'refcount'];
    expect(closest('aloc-while-mapped', ids)).toBe('alloc-while-mapped');
    expect(closest('recount', ids)).toBe('refcount');
    expect(closest('stack', ids)).toBeUndefined();
  });
});

describe('newProgress()', () => {
  it('appears once a small file takes long', () => {
    let written = '';
    const terminal = Object.assign(Object.create(process.stderr), {
      isTTY: true,
      write: (text: string) => {
        written += text;
        return true;
      },
    });
    let now = 0;
    const progress = newProgress('small.dat', terminal, () => now);
    progress.report(10, 100);
    progress.report(10, 0);
    expect(written).toBe('');
    now = 501;
    progress.report(20, 100);
    progress.stop();
    expect(written).toContain('small.dat [');
  });
});

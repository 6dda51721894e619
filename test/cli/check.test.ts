import { describe, expect, it } from 'vitest';
import type { CheckReport } from '../../src/findings/check-report.ts';
import { incomplete, possibleFinding, report, smallNote, useAfterFree } from '../report/samples.ts';
import { run } from './harness.ts';

const reports: Record<string, CheckReport> = {
  'clean.dat': report([]),
  'bad.dat': report([useAfterFree]),
  'possible.dat': report([possibleFinding]),
  'note.dat': report([smallNote]),
  'lossy.dat': report([useAfterFree], incomplete),
  '-': report([]),
};

describe('exit code', () => {
  it.each<[number, string]>([
    [0, 'clean.dat'],
    [0, 'note.dat'],
    [0, '-'],
    [1, 'bad.dat'],
    [1, 'possible.dat'],
    [1, 'lossy.dat'],
    [1, 'clean.dat bad.dat note.dat'],
    [1, '--max-lost 20957 lossy.dat'],
    [4, '--max-lost 20956 lossy.dat'],
    [4, '--max-lost 0 bad.dat lossy.dat'],
    [0, '--max-lost 0 clean.dat'],
    [3, 'missing.dat'],
    [3, '--max-lost 0 bad.dat missing.dat lossy.dat'],
    [2, ''],
    [2, '--format xml clean.dat'],
    [2, '--accounting both clean.dat'],
    [2, '--max-lost some clean.dat'],
    [2, '--max-lost -1 clean.dat'],
    [2, '--color sometimes clean.dat'],
    [2, '--frobnicate clean.dat'],
    [2, '--only no-such-check clean.dat'],
    [2, '--enable no-such-check clean.dat'],
    [2, '--only unbind-leak --skip unbind-leak clean.dat'],
    [2, '- -'],
  ])('is %i for check %s', async (expected, line) => {
    const { exitCode, stderr } = await run(['check', ...line.split(' ').filter(Boolean)], { reports });
    expect(exitCode).toBe(expected);
    if (expected === 2) expect(stderr).toMatch(/^iommusan: /);
  });

  it('is 70 for a fault of our own, which is not taken for a finding', async () => {
    const { exitCode, stderr } = await run(['check', 'clean.dat'], { fault: new RangeError('off by one') });
    expect(exitCode).toBe(70);
    expect(stderr).toContain('iommusan: internal error, please report it: RangeError: off by one\n    at ');
  });

  it('is 3 when the system cannot read a file', async () => {
    const fault = Object.assign(new Error("EISDIR: illegal operation on a directory, read '/tmp'"), {
      syscall: 'read',
    });
    const { exitCode, stderr } = await run(['check', '/tmp'], { fault });
    expect(exitCode).toBe(3);
    expect(stderr).toBe("iommusan: EISDIR: illegal operation on a directory, read '/tmp'\n");
  });
});

describe('options', () => {
  it('reach the library', async () => {
    const line =
      'check --accounting kernel --only free-while-mapped,unbind-leak --only dma-wrong-size --enable unbind-leak --skip unbind-leak clean.dat';
    const { checked } = await run(line.split(' '));
    expect(checked).toEqual([
      {
        path: 'clean.dat',
        options: {
          accounting: 'kernel',
          only: ['free-while-mapped', 'unbind-leak', 'dma-wrong-size'],
          enable: ['unbind-leak'],
          skip: ['unbind-leak'],
        },
      },
    ]);
  });

  it('are left out where they were not given', async () => {
    const { checked } = await run(['check', 'clean.dat']);
    expect(checked).toEqual([{ path: 'clean.dat', options: { accounting: 'exact' } }]);
  });

  it('name no check that does not exist', async () => {
    const { stderr, checked } = await run(['check', '--only', 'free-while-maped', 'clean.dat']);
    expect(stderr).toBe(
      "iommusan: there is no check 'free-while-maped'. Did you mean 'free-while-mapped'?\n" +
        'The checks are: free-while-mapped, unbind-leak, dma-wrong-size\n',
    );
    expect(checked).toEqual([]);
    expect((await run(['check', '--skip', 'zzz', 'clean.dat'])).stderr).not.toContain('Did you mean');
  });

  it('show all findings', async () => {
    const many = { 'many.dat': report(Array.from({ length: 25 }, () => useAfterFree)) };
    expect((await run(['check', 'many.dat'], { reports: many })).stdout).toContain('5 more findings');
    expect((await run(['check', '--all', 'many.dat'], { reports: many })).stdout).not.toContain(
      'more findings',
    );
  });
});

describe('reports', () => {
  it('are separated as text', async () => {
    const { stdout } = await run(['check', 'clean.dat', 'note.dat'], { reports });
    expect(stdout.match(/^uaf\.dat/gm)).toHaveLength(2);
    expect(stdout).toMatch(/no findings\n\nuaf\.dat/);
    expect(stdout).toMatch(/checked in \d+ ms · /);
  });

  it('are one JSON document: an object for one file, an array for several', async () => {
    const one = await run(['check', '--format', 'json', 'bad.dat'], { reports });
    expect(JSON.parse(one.stdout)).toEqual(reports['bad.dat']);
    const two = await run(['check', '--format', 'json', 'bad.dat', 'clean.dat'], { reports });
    expect(JSON.parse(two.stdout)).toEqual([reports['bad.dat'], reports['clean.dat']]);
  });

  it('of files that cannot be read are missing, and the others are there', async () => {
    const { stdout, stderr } = await run(['check', '--format', 'json', 'missing.dat', 'clean.dat'], {
      reports,
    });
    expect(JSON.parse(stdout)).toEqual([reports['clean.dat']]);
    expect(stderr).toBe('iommusan: missing.dat: no trace.dat file: it begins with \\x1b[2J (at byte 0)\n');
    expect((await run(['check', '--format', 'json', 'missing.dat'], { reports })).stdout).toBe('');
  });

  it('end quietly when nobody reads any more', async () => {
    for (const format of ['text', 'json']) {
      const { exitCode, stderr } = await run(['check', '--format', format, 'bad.dat', 'clean.dat'], {
        reports,
        stdoutError: 'EPIPE',
      });
      expect(exitCode).toBe(1);
      expect(stderr).toBe('');
    }
  });

  it('that cannot be written are no success', async () => {
    const { exitCode, stderr } = await run(['check', 'clean.dat'], { reports, stdoutError: 'ENOSPC' });
    expect(exitCode).toBe(70);
    expect(stderr).toBe('iommusan: ENOSPC: write\n');
  });
});

describe('colour', () => {
  it.each<[boolean, string[], Record<string, string>, boolean]>([
    [false, [], {}, false],
    [true, [], {}, true],
    [false, [], { NO_COLOR: '1' }, true],
    [true, [], { NO_COLOR: '' }, true],
    [true, [], { FORCE_COLOR: '1' }, false],
    [false, [], { FORCE_COLOR: '0' }, true],
    [false, [], { NO_COLOR: '1', FORCE_COLOR: '1' }, true],
    [false, [], { TERM: 'dumb' }, true],
    [true, ['--color', 'always'], { NO_COLOR: '1' }, false],
    [false, ['--color', 'never'], { FORCE_COLOR: '1' }, true],
  ])('is %s with %j, %j and a terminal: %s', async (expected, argv, env, isTTY) => {
    const { stdout } = await run(['check', ...argv, 'bad.dat'], { reports, env, isTTY });
    expect(stdout.includes('\x1b[31m')).toBe(expected);
  });
});

describe('progress', () => {
  it('is shown for a large file, on a terminal only, and goes away again', async () => {
    const { stderr } = await run(['check', 'clean.dat'], { isTTY: true });
    expect(stderr).toContain('clean.dat [');
    expect(stderr).toContain('50%');
    expect((await run(['check', 'clean.dat'])).stderr).toBe('');
    expect((await run(['check', '--no-progress', 'clean.dat'], { isTTY: true })).stderr).toBe('');
  });
});

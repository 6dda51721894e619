import { describe, expect, it } from 'vitest';
import { renderJson } from '../../src/report/json.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { report, smallNote, unbindLeak, useAfterFree } from '../report/samples.ts';
import { run } from './harness.ts';

const folder = temporaryFiles();
const reports = {
  'clean.dat': report([]),
  'bad.dat': report([useAfterFree]),
  'worse.dat': report([useAfterFree, unbindLeak]),
  'note.dat': report([smallNote]),
};
const known = folder.write('known.json', renderJson(report([{ ...useAfterFree, count: 3 }])));
const check = (line: string, files: string) =>
  run(['check', ...line.split(' ').filter(Boolean), ...files.split(' ')], { reports });

describe('--baseline', () => {
  it.each<[number, string, string]>([
    [0, '', 'bad.dat'],
    [1, '', 'worse.dat'],
    [0, '--fail-on new', 'bad.dat'],
    [1, '--fail-on new', 'worse.dat'],
    [1, '--fail-on new', 'bad.dat worse.dat'],
    [1, '--fail-on all', 'bad.dat'],
    [0, '--fail-on all', 'note.dat'],
    [0, '--fail-on none', 'worse.dat'],
  ])('gives exit status %i with %j for %s', async (expected, options, files) => {
    expect((await check(`--baseline ${known} ${options}`, files)).exitCode).toBe(expected);
  });

  it('is needed for --fail-on new', async () => {
    expect(await check('--fail-on new', 'bad.dat')).toMatchObject({
      exitCode: 2,
      stderr: 'iommusan: --fail-on new needs --baseline: a stored report that says what is known.\n',
    });
    expect((await check('--fail-on none', 'bad.dat')).exitCode).toBe(0);
  });

  it('is told in the report', async () => {
    const { stdout } = await check(`--baseline ${known}`, 'worse.dat');
    expect(stdout).toContain(`Compared with ${known}: 1 new, 1 known, 0 gone`);
    expect(stdout).toContain(`signature: ${useAfterFree.signature} (known)`);
    const gone = await check(`--baseline ${known}`, 'clean.dat');
    expect(gone.stdout).toContain('gone: free-while-mapped:');
  });

  it('that cannot be read is exit status 3', async () => {
    const text = folder.write('text.json', 'no report');
    const missing = await check(`--baseline ${folder.path('missing.json')}`, 'bad.dat');
    expect(missing.exitCode).toBe(3);
    expect(missing.stderr).toContain('ENOENT');
    const { exitCode, stderr } = await check(`--baseline ${text}`, 'bad.dat');
    expect(exitCode).toBe(3);
    expect(stderr).toContain(`iommusan: ${text}: no report of iommusan: it is no JSON`);
  });
});

describe('--suppressions', () => {
  const leak = folder.write('leak', '- rule: unbind-leak\n  reason: fixed in 7.3\n');
  const all = folder.write(
    'all',
    '- rule: unbind-leak\n  reason: fixed in 7.3\n- rule: "*"\n  driver: dmabugs\n  reason: the lab driver\n',
  );

  it('takes findings out of the verdict and the exit status', async () => {
    expect((await check(`--suppressions ${leak}`, 'worse.dat')).exitCode).toBe(1);
    const { exitCode, stdout, stderr } = await check(`--suppressions ${all}`, 'worse.dat');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('No DMA lifetime bug found beside what is suppressed.');
    expect(stdout).toContain('2 findings suppressed:\n  - free-while-mapped: page 0x733c');
    expect(stderr).toBe('');
  });

  it('warns of those that nothing needs, after the last trace', async () => {
    const one = await check(`--suppressions ${all}`, 'bad.dat');
    expect(one.stderr).toBe(`iommusan: warning: ${all}, line 1: no finding needs this suppression.\n`);
    expect(one.exitCode).toBe(0);
    expect((await check(`--suppressions ${all}`, 'bad.dat worse.dat')).stderr).toBe('');
  });

  it('without a reason are refused, before anything is checked', async () => {
    const file = folder.write('reasonless', '- rule: unbind-leak\n  reason: a\n\n- driver: e1000e\n');
    const { exitCode, stderr, checked } = await check(`--suppressions ${file}`, 'worse.dat');
    expect(exitCode).toBe(2);
    expect(stderr).toBe(`iommusan: ${file}, line 4: a suppression needs a reason: say why this may stay.\n`);
    expect(checked).toEqual([]);
  });

  it('are kept in JSON, and known to a baseline made of it', async () => {
    const { stdout } = await check(`--format json --suppressions ${leak}`, 'worse.dat');
    expect(JSON.parse(stdout)).toMatchObject({
      findings: [useAfterFree],
      suppressed: [{ reason: 'fixed in 7.3', file: leak, line: 1, finding: unbindLeak }],
    });
    const baseline = folder.write('suppressed.json', stdout);
    expect((await check(`--baseline ${baseline}`, 'worse.dat')).exitCode).toBe(0);
  });
});

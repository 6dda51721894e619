import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../src/check-trace.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { expectGolden } from '../report/golden.ts';
import { run } from './harness.ts';

const files = temporaryFiles();

describe('iommusan simulate', () => {
  it('tells the story of the seed’s example', async () => {
    const { exitCode, stdout, stderr } = await run(['simulate', 'S12']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expectGolden('simulate-s12.txt', stdout);
  });

  it('tells it for the sanitizer of an earlier mail', async () => {
    const { exitCode, stdout } = await run(['simulate', 's12', '--sanitizer', 'v5', '--iommu', 'vtd']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('The kernel prints 511 times "Detected page leak!" and 0 other lines.');
  });

  it('tells what a device reached', async () => {
    const { stdout } = await run(['simulate', 'S26']);
    expect(stdout).toMatch(
      /wrote\s+0x40000000\s+through\s+a\s+stale\s+translation\s+and\s+reached\s+page\s+0x\w+,\s+which\s+is\s+victim's/,
    );
  });

  it('tells in docs/machine.md what it tells', async () => {
    const lines = readFileSync('docs/machine.md', 'utf8').split('\n');
    for (const [at, line] of lines.entries()) {
      const argv = /^ {4}\$ iommusan (simulate S\d+(?: --sanitizer \w+)?)$/.exec(line)?.[1]?.split(' ');
      if (argv === undefined) continue;
      const { stdout } = await run(argv);
      const shown = lines.slice(at + 2, at + 2 + stdout.trimEnd().split('\n').length);
      expect(shown.map(text => text.slice(4)).join('\n')).toBe(stdout.trimEnd());
    }
  });

  it('lists the scenarios', async () => {
    const { stdout } = await run(['simulate', '--list']);
    expect(stdout).toContain('S30');
    expect(stdout).toMatch(/S11 +arm-lpae +an unmap of a part of a 2 MiB block is refused/);
  });

  it('writes the run as a trace that is judged alike', async () => {
    const path = files.path('s2.dat');
    await run(['simulate', 'S2', '-o', path]);
    const { findings } = await checkTrace(path);
    expect(findings.map(({ rule }) => rule)).toEqual(['free-while-mapped']);
    const kernel = await checkTrace(path, { accounting: 'kernel' });
    expect(kernel.accounting.kernelWarnings).toBe(3);
  });

  it('runs a scenario of the user’s own, and says where it did not come out as it says', async () => {
    const own = await run(['simulate', 'examples/my-scenario.ts']);
    expect({ exitCode: own.exitCode, stderr: own.stderr }).toEqual({ exitCode: 0, stderr: '' });
    const wrong = files.path('wrong.ts');
    writeFileSync(
      wrong,
      `export default { id: 'x', title: 't', story: 's', expected: { badAccesses: 7 }, run(s: { page(name: string): unknown }) { s.page('P'); } };`,
    );
    const { exitCode, stdout } = await run(['simulate', wrong]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('0 accesses reached a page of another, not 7');
  });

  it.each([
    [['simulate'], 2, "name a scenario, or '--list' them."],
    [['simulate', 'S99'], 2, "there is no scenario 'S99'; did you mean S9?"],
    [
      ['simulate', 'S12', '--iommu', 'arm-lpae'],
      2,
      'S12 does not happen with arm-lpae: choose vtd, x86, amdv1.',
    ],
    [['simulate', 'S12', '--iommu', 'sun'], 2, 'Allowed choices are arm-lpae, vtd, amdv1, x86.'],
    [['simulate', 'S12', '--seed', 'x'], 2, 'It must be a whole number'],
    [['simulate', './nothing.ts'], 3, './nothing.ts: cannot be loaded as a scenario: ENOENT'],
    [['simulate', 'package.json'], 3, 'package.json'],
    [['simulate', 'test/cli/harness.ts'], 3, 'test/cli/harness.ts'],
  ])('%j exits with %i', async (argv, code, message) => {
    const { exitCode, stdout, stderr } = await run(argv);
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' });
    expect(stderr).toContain(message);
  });
});

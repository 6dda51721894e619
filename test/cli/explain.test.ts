import { describe, expect, it } from 'vitest';
import { checkTrace, livesOf, RULES, traceStats } from '../../src/index.ts';
import { expectGolden } from '../report/golden.ts';
import { report, unbindLeak, useAfterFree } from '../report/samples.ts';
import { run } from './harness.ts';

const library = { RULES, checkTrace, livesOf, traceStats };
const TRACE = 'examples/uaf.dat';
const FUZZ = 'test/fixtures/traces/sanitizer-kernel/fuzz-1.dat';

describe('iommusan explain', () => {
  it('shows what a verdict rests on, in order, with the belief behind each event and its place', async () => {
    const { exitCode, stdout, stderr } = await run(['explain', TRACE, '1'], { library });
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expectGolden('explain.txt', stdout);
    const order = [
      /^\* .*Page allocated$/m,
      /^\* .*Mapped: 4 KiB at IOVA 0xffff000/m,
      /^\* .*Page freed$/m,
      /Here the rule fires\./,
      /^\* .*Page allocated$/m,
      /Not visible: what the device did\./,
      /^\* .*Unmapped: 4 KiB at IOVA 0xffff000/m,
    ];
    let rest = stdout;
    for (const next of order) {
      const at = rest.search(next);
      expect(at, String(next)).toBeGreaterThanOrEqual(0);
      rest = rest.slice(at + 1);
    }
  });

  it('takes a number, a signature or its beginning', async () => {
    const byNumber = await run(['explain', TRACE, '1'], { library });
    for (const name of ['2120', '2120706DDDBEA218']) {
      expect((await run(['explain', TRACE, name], { library })).stdout).toBe(byNumber.stdout);
    }
  });

  it('lists the findings where none is named', async () => {
    const reports = { 'worse.dat': report([useAfterFree, unbindLeak]), 'clean.dat': report([]) };
    const { stdout } = await run(['explain', 'worse.dat'], { reports });
    expect(stdout).toMatch(/^1 {2}free-while-mapped:9f3c2a71d04be8a6 {2}ERROR: free-while-mapped: page/);
    expect(stdout).toMatch(/^2 {2}unbind-leak:51c07be9a8812d3f {2}ERROR: unbind-leak: .*$/m);
    expect((await run(['explain', 'clean.dat'], { reports })).stdout).toBe('No findings.\n');
  });

  it.each([
    [
      ['worse.dat', '3'],
      'worse.dat has no finding \'3\': there are 2. "iommusan explain worse.dat" lists them.',
    ],
    [
      ['twice.dat', 'free'],
      '\'free\' begins the signatures of 2 findings. "iommusan explain twice.dat" lists them.',
    ],
    [['clean.dat', '1'], 'clean.dat has no findings.'],
    [['-', '1'], 'explain reads a trace twice: standard input cannot be explained.'],
  ])('%j is wrong usage', async (argv, problem) => {
    const reports = {
      'worse.dat': report([useAfterFree, unbindLeak]),
      'twice.dat': report([useAfterFree, useAfterFree]),
      'clean.dat': report([]),
    };
    const { exitCode, stderr } = await run(['explain', ...argv], { reports });
    expect(stderr).toBe(`iommusan: ${problem}\n`);
    expect(exitCode).toBe(2);
  });

  it('explains every finding of a trace of 400 random operations', async () => {
    const { findings } = await checkTrace(FUZZ);
    const lives = await livesOf(FUZZ, findings, { accounting: 'exact', mostEvents: 8, frames: 2 });
    expect(lives).toHaveLength(findings.length);
    for (const [index, { events }] of lives.entries()) {
      const told = events.flatMap(({ story }) => story ?? []).toSorted((a, b) => a - b);
      expect(told, findings[index]?.title).toEqual(findings[index]?.story.map((_, at) => at));
      // What the story only repeats would be a sign that the life has missed it.
      expect(
        events.filter(({ role }) => role === 'judged'),
        findings[index]?.title,
      ).toEqual([]);
    }
  });

  it('as JSON is a report of one finding with its life', async () => {
    const { stdout } = await run(['explain', '--format', 'json', TRACE, '1'], { library });
    const { findings } = JSON.parse(stdout);
    expect(findings).toHaveLength(1);
    expect(findings[0].life.events.length).toBeGreaterThan(5);
  });
});

import { expect, it } from 'vitest';
import { renderStats, renderStatsJson } from '../../src/report/stats.ts';
import { expectGolden } from './golden.ts';
import { stats } from './stats-samples.ts';

it('shows what a trace holds, and what to record for the rest', () => {
  expectGolden('stats.txt', renderStats(stats, { color: false, width: 80 }));
});

it('says that a trace is empty', () => {
  const empty = {
    ...stats,
    trace: { ...stats.trace, events: 0 },
    events: [],
    perCpu: [],
    buffers: [],
    checks: [],
  };
  const text = renderStats(empty, { color: false, width: 80 });
  expect(text).toContain('The trace holds no events.');
  expect(text).toContain('Covers:     nothing');
});

it('has a form for programs', () => {
  expect(JSON.parse(renderStatsJson(stats))).toEqual(stats);
});

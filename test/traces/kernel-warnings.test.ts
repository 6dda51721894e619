import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Check } from '../../src/checks/check.ts';
import { inTurn } from '../../src/checks/in-turn.ts';
import { Judge } from '../../src/checks/judge.ts';
import type { Moment } from '../../src/kernel/moment.ts';
import { TraceSource } from '../../src/trace/trace-source.ts';
import { fixture, recording } from './shared.ts';

interface Warning {
  readonly pfn: string | null;
  readonly cpu: number;
  readonly pid: number;
  readonly comm: string;
}

interface Verdict {
  readonly complete: boolean;
  readonly warnings: readonly Warning[];
}

/** The kernel's own words: the warnings in the dmesg of each recording. */
const VERDICTS = JSON.parse(readFileSync(fixture('sanitizer-kernel/verdicts.json'), 'utf8')) as Readonly<
  Record<string, Verdict>
>;

/** The warnings that kernel accounting comes to, page by page, in the order of the trace. */
async function predictedWarnings(path: string): Promise<Warning[]> {
  const source = await TraceSource.open(path);
  const { names, capabilities } = source;
  const judge = new Judge({ names, capabilities, pageSize: 4096, accounting: 'kernel', checks: [] });
  const warnings: Warning[] = [];
  const note = (at: Moment, pfn: number, order: number): void => {
    for (let page = pfn; page < pfn + 2 ** order; page++) {
      if (!judge.shadow.accounting.anyMapped(page, 1)) continue;
      warnings.push({ pfn: `0x${page.toString(16)}`, cpu: at.cpu, pid: at.pid, comm: names.task(at.pid) });
    }
  };
  const watcher: Check = { pageAlloc: note, pageFree: note };
  source.run(inTurn([watcher], judge.events));
  source.close();
  return warnings;
}

describe('kernel accounting predicts the warnings of the in-kernel sanitizer', () => {
  for (const [name, { warnings, complete }] of Object.entries(VERDICTS)) {
    it(`${name}: the same pages, CPUs and tasks, in the same order (${warnings.length} warnings)`, async () => {
      expect(complete).toBe(true);
      const predicted = await predictedWarnings(recording(`sanitizer-kernel/${name}`));
      // The kernel went on after the end of one trace.
      const within = name === 'wrong_size' ? warnings.slice(0, predicted.length) : warnings;
      expect(predicted).toEqual(within);
    });
  }
});

import { describe, expect, it } from 'vitest';
import { DEFAULT_CHECKS } from '../../src/checks/all-checks.ts';
import type { CheckDefinition } from '../../src/checks/check.ts';
import { Judge } from '../../src/checks/judge.ts';
import { newMoment } from '../../src/kernel/moment.ts';
import { fitsLane, type LaneResult, runInLane } from '../../src/lane/index.ts';
import { Machine } from '../../src/machine/machine.ts';
import { TraceSource } from '../../src/trace/trace-source.ts';
import { KernelRecorder } from '../../src/trace/write/kernel-recorder.ts';
import { temporaryFiles } from '../helpers/play.ts';

const files = temporaryFiles();
const PAGE = 4096;
const RING = 64;
const ROUNDS = 5000;

/** A network ring: each buffer is allocated, mapped, unmapped and freed, 64 at a time. */
async function recordRing(path: string): Promise<void> {
  const machine = new Machine({ iommu: 'vtd', logLimit: 0 });
  const recorder = await KernelRecorder.create(path, machine.names, { pageSize: PAGE });
  const { events } = recorder;
  const at = { ...newMoment(), pid: 7, context: 7 };
  for (let round = 0; round < ROUNDS; round++) {
    const iova = 0xfff0_0000 - (round % RING) * PAGE;
    const pfn = 0x1000 + (round % RING);
    at.timeNs += 1000;
    if (round >= RING) {
      events.iommuUnmapBegin(at, 1, iova, PAGE);
      events.iommuUnmapEnd(at, 1, iova, PAGE, PAGE);
      events.pageFree(at, pfn, 0);
    }
    events.pageAlloc(at, pfn, 0);
    events.iommuMap(at, 1, iova, pfn * PAGE, PAGE, 3);
  }
  recorder.finish(machine.capabilities);
}

async function check(path: string, checks: readonly CheckDefinition[]): Promise<LaneResult> {
  const source = await TraceSource.open(path);
  const { names, capabilities } = source;
  const judge = new Judge({ names, capabilities, pageSize: PAGE, accounting: 'exact', checks });
  expect(fitsLane(source, judge)).toBe(true);
  const result = await runInLane(source, judge, judge.events);
  source.close();
  return result;
}

describe('of the events of a ring', () => {
  it('the lane tells nearly all by itself', async () => {
    const path = files.path('ring.dat');
    await recordRing(path);
    const { events, ordinary } = await check(path, DEFAULT_CHECKS);
    expect(events).toBeGreaterThan(5 * ROUNDS);
    // What is left: the first of each kind, and what the tables grow for.
    expect(events - ordinary).toBeLessThan(100);
  });

  it('a check gets those that it wants to see', async () => {
    const path = files.path('seen.dat');
    await recordRing(path);
    let frees = 0;
    const [first] = DEFAULT_CHECKS;
    if (!first) throw new Error('there are no checks');
    const counting: CheckDefinition = { rule: first.rule, create: () => ({ pageFree: () => frees++ }) };
    const { events, ordinary } = await check(path, [counting]);
    expect(frees).toBe(ROUNDS - RING);
    expect(events - ordinary).toBeLessThan(frees + 100);
  });
});

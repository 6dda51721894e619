import { expect, it } from 'vitest';
import { checkTrace } from '../../src/check-trace.ts';
import { newMoment } from '../../src/kernel/moment.ts';
import { Machine } from '../../src/machine/machine.ts';
import { KernelRecorder } from '../../src/trace/write/kernel-recorder.ts';
import { temporaryFiles } from '../helpers/play.ts';

const files = temporaryFiles();
const PAGE = 4096;
const DOMAIN = 1;
const TABLE = 2;
const DEVICE = 1;

/** Ordinary maps and unmaps before, while and after the state is read; of every page that was found, one is freed early. */
async function record(path: string): Promise<void> {
  const machine = new Machine({ iommu: 'vtd', logLimit: 0 });
  const recorder = await KernelRecorder.create(path, machine.names, { pageSize: PAGE });
  const { events } = recorder;
  const at = { ...newMoment(), pid: 7, context: 7 };
  const tick = (): typeof at => {
    at.timeNs += 1000;
    return at;
  };
  const map = (slot: number): void => {
    events.pageAlloc(tick(), 0x1000 + slot, 0);
    events.iommuMap(tick(), DOMAIN, (0x8000 + slot) * PAGE, (0x1000 + slot) * PAGE, PAGE, 3);
  };
  const unmap = (slot: number): void => {
    events.iommuUnmapBegin(tick(), DOMAIN, (0x8000 + slot) * PAGE, PAGE);
    events.iommuUnmapEnd(tick(), DOMAIN, (0x8000 + slot) * PAGE, PAGE, PAGE);
    events.pageFree(tick(), 0x1000 + slot, 0);
  };
  for (let slot = 0; slot < 200; slot++) map(slot);
  events.stateBegin(tick());
  for (let slot = 0; slot < 100; slot++) unmap(slot);
  // All that was mapped in the table when it was read, of which a part is gone by now, and 100 from before.
  events.mappingFound(tick(), TABLE, DEVICE, 0x8000 * PAGE, 0x1000 * PAGE, 300 * PAGE);
  events.stateEnd(tick());
  for (let slot = 0; slot < 100; slot++) map(slot);
  for (let slot = 0; slot < 299; slot++) unmap(slot);
  events.pageFree(tick(), 0x1000 + 299, 0);
  recorder.finish(machine.capabilities);
}

it('what was mapped before is judged alike by both ways', async () => {
  const path = files.path('found.dat');
  await record(path);
  const report = await checkTrace(path);
  expect(report.findings.map(({ rule, page }) => [rule, page?.pfn])).toEqual([
    ['free-while-mapped', '0x112b'],
  ]);
  const { durationMs: _one, ...compiled } = report as typeof report & { durationMs?: number };
  const { durationMs: _other, ...plain } = (await checkTrace(path, {
    compiled: false,
  })) as typeof report & { durationMs?: number };
  expect(compiled).toEqual(plain);
});

import fc from 'fast-check';
import { newGather } from '../../../src/machine/page-tables/iotlb-gather.ts';
import {
  type GenericPageTable,
  IOMMU_READ,
  IOMMU_WRITE,
  type IoPageTable,
  type MapResult,
} from '../../../src/machine/page-tables/page-table.ts';
import type { NaiveArmLpae } from './naive-arm-lpae.ts';
import type { NaiveGenericPt } from './naive-generic-pt.ts';
import { type TestHost, withGather } from './table-host.ts';

const RW = IOMMU_READ | IOMMU_WRITE;
const PAGE = 4096;

/** `slot` and `far` make the IOVA: a page within a window, of which there are several far apart. */
export interface Step {
  readonly op: 'map' | 'unmap' | 'look';
  readonly slot: number;
  readonly far: number;
  /** Pages, or entries of a level. */
  readonly length: number;
  readonly level: number;
  /** Makes the physical address; congruent ones let large pages be used. */
  readonly frame: number;
  /** Bytes beyond a page boundary, for what is not aligned. */
  readonly crooked: number;
}

/** Windows at these IOVAs: the first, one that ends a table of 1 GiB, a far one, one at the end of 48 bits. */
export const WINDOWS = [0, 2 ** 30 - 2 ** 22, 2 ** 38, 2 ** 47 - 2 ** 24] as const;

/** Lengths are mostly short, and often exactly those of large pages. */
const lengths = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 24 }) },
  { weight: 3, arbitrary: fc.constantFrom(1, 2, 16, 64, 512, 513, 1024) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 1100 }) },
);

const slots = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 2047 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 512, 1024, 1536) },
);

export function steps(maxLength: number): fc.Arbitrary<Step[]> {
  const step = fc.record({
    op: fc.constantFrom('map' as const, 'map' as const, 'unmap' as const, 'unmap' as const, 'look' as const),
    slot: slots,
    far: fc.integer({ min: 0, max: WINDOWS.length - 1 }),
    length: lengths,
    level: fc.constantFrom(0, 0, 0, 1),
    frame: fc.oneof(slots, fc.constant(-1)),
    crooked: fc.constantFrom(0, 0, 0, 0, 0, 0, 0x800, 0x10),
  });
  return fc.array(step, { minLength: 1, maxLength, size: 'max' });
}

function iovaOf(step: Step, granule: number): number {
  return (WINDOWS[step.far] as number) + step.slot * granule;
}

/** Physical addresses begin above 4 GiB; a frame of -1 is congruent to the IOVA in all sizes that matter. */
function physOf(step: Step, granule: number): number {
  return 2 ** 40 + (step.frame < 0 ? iovaOf(step, granule) : step.frame * granule);
}

/** As `expect(actual).toBe(expected)`, which takes too long to be called a million times. */
function same(actual: number | boolean, expected: number | boolean, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${actual}, not ${expected}`);
}

/** Whether a table answers as the model at the ends and in the midst of what a step touched. */
function compareTranslations(
  table: { iovaToPhys(iova: number): number },
  model: { iovaToPhys(iova: number): number },
  iova: number,
  size: number,
): void {
  const stride = Math.max(PAGE, Math.floor(size / 8 / PAGE) * PAGE);
  for (let at = iova + 0x123; at <= iova + size + 0x123; at += stride) {
    same(table.iovaToPhys(at), model.iovaToPhys(at), 'iova_to_phys');
  }
  if (iova >= PAGE) same(table.iovaToPhys(iova - 1), model.iovaToPhys(iova - 1), 'iova_to_phys');
}

function compareMaps(result: MapResult, expected: { mapped: number; ok: boolean }): void {
  same(result.mapped, expected.mapped, 'mapped');
  same(result.error === 0, expected.ok, 'no error');
}

/** Runs the steps on both and compares every answer. */
export function runGeneric(
  table: GenericPageTable,
  model: NaiveGenericPt,
  host: TestHost,
  program: Step[],
): void {
  const result: MapResult = { error: 0, mapped: 0 };
  for (const step of program) {
    const iova = iovaOf(step, PAGE);
    const size = step.length * PAGE;
    if (step.op === 'map') {
      table.mapRange(iova, physOf(step, PAGE), size, RW, result);
      compareMaps(result, model.map(iova, physOf(step, PAGE), size));
    } else if (step.op === 'unmap') {
      const from = iova + (step.crooked === 0x10 ? 0x10 : 0);
      const asked = step.crooked === 0x800 ? size - 0x800 : size;
      const unmapped = withGather(host, gather => table.unmapRange(from, asked, gather));
      same(unmapped, model.unmap(from, asked), 'unmapped');
    }
    compareTranslations(table, model, iova, size);
  }
  finish(table, model.pages.keys(), model, host);
}

/** The same for Arm: whole entries of a level, at aligned addresses, as `iommu_pgsize()` makes them. */
export function runLpae(
  table: IoPageTable,
  model: NaiveArmLpae,
  host: TestHost,
  granule: number,
  program: Step[],
): void {
  const result: MapResult = { error: 0, mapped: 0 };
  for (const step of program) {
    const pageSize = model.span(step.level);
    const down = (address: number): number => Math.floor(address / pageSize) * pageSize;
    const iova = down(iovaOf(step, granule));
    const count = step.level === 0 ? step.length : 1 + (step.length % 3);
    if (step.op === 'map') {
      const phys = down(physOf(step, granule));
      table.mapPages(iova, phys, pageSize, count, RW, result);
      compareMaps(result, model.mapPages(iova, phys, step.level, count));
    } else if (step.op === 'unmap') {
      const gather = newGather();
      const unmapped = table.unmapPages(iova, pageSize, count, gather);
      same(unmapped, model.unmapPages(iova, step.level, count), 'unmapped');
      same(gather.freelist.length, 0, 'gathered tables');
    }
    compareTranslations(table, model, iova, pageSize * Math.min(count, 3));
  }
  finish(table, model.pages.keys(), model, host);
}

/** Every page of the model is translated, and the tables are all given back at the end. */
function finish(
  table: { iovaToPhys(iova: number): number; destroy(): void },
  pages: Iterable<number>,
  model: { iovaToPhys(iova: number): number },
  host: TestHost,
): void {
  for (const page of pages) same(table.iovaToPhys(page), model.iovaToPhys(page), 'iova_to_phys');
  table.destroy();
  same(host.tables.live.size, 0, 'tables that are left');
}

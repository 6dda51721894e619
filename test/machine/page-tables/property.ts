import fc from 'fast-check';
import { createPageTable } from '../../../src/machine/page-tables/create-page-table.ts';
import {
  type ArmLpaeOptions,
  ArmLpaeTable,
} from '../../../src/machine/page-tables/io-pgtable/arm-lpae-table.ts';
import type { GenericPageTable, PageTableFormat } from '../../../src/machine/page-tables/page-table.ts';
import { NaiveArmLpae } from './naive-arm-lpae.ts';
import { NaiveGenericPt } from './naive-generic-pt.ts';
import { runGeneric, runLpae, steps } from './random-programs.ts';
import { newTestHost } from './table-host.ts';

export interface Effort {
  readonly programs: number;
  readonly stepsPerProgram: number;
}

const KiB4_MiB2_GiB1 = [2 ** 12, 2 ** 21, 2 ** 30];

/** Every power of two from 4 KiB to 2^51 but 512 GiB. */
const AMD_SIZES = Array.from({ length: 40 }, (_, index) => 2 ** (12 + index)).filter(
  size => size !== 2 ** 39,
);

export const GENERIC_FORMATS: readonly (readonly [PageTableFormat, readonly number[], number])[] = [
  ['vtd', KiB4_MiB2_GiB1, 2 ** 48],
  ['x86', KiB4_MiB2_GiB1, 2 ** 47],
  ['amdv1', AMD_SIZES, 2 ** 64],
];

/** Granules, stages and both answers to a partial unmap. The last numbers: Arm's levels minus one. */
export const LPAE_FORMATS: readonly (readonly [name: string, options: ArmLpaeOptions, topLevel: number])[] = [
  ['4 KiB, stage 1', { granuleShift: 12 }, 3],
  ['4 KiB, stage 1, split', { granuleShift: 12, partialUnmap: 'split' }, 3],
  ['4 KiB, stage 2 with joined root tables', { granuleShift: 12, stage: 2, inputBits: 42 }, 2],
  ['16 KiB, stage 1', { granuleShift: 14 }, 3],
  ['16 KiB, stage 2, split', { granuleShift: 14, stage: 2, partialUnmap: 'split' }, 2],
  ['64 KiB, stage 1', { granuleShift: 16 }, 2],
  ['64 KiB, stage 2, split', { granuleShift: 16, stage: 2, partialUnmap: 'split' }, 2],
];

export function checkGeneric(
  format: PageTableFormat,
  sizes: readonly number[],
  limit: number,
  { programs, stepsPerProgram }: Effort,
): number {
  let count = 0;
  fc.assert(
    fc.property(steps(stepsPerProgram), program => {
      const host = newTestHost();
      const table = createPageTable(format, host) as GenericPageTable;
      runGeneric(table, new NaiveGenericPt(sizes, limit), host, program);
      count += program.length;
    }),
    { numRuns: programs },
  );
  return count;
}

export function checkLpae(
  options: ArmLpaeOptions,
  topLevel: number,
  { programs, stepsPerProgram }: Effort,
): number {
  let count = 0;
  const granule = 2 ** (options.granuleShift ?? 12);
  // Windows lie within 48 bits; fewer input bits keep the first three.
  const reach = 2 ** (options.inputBits ?? 48);
  fc.assert(
    fc.property(steps(stepsPerProgram), program => {
      const host = newTestHost();
      const inReach = program.map(step => (reach > 2 ** 47 ? step : { ...step, far: step.far % 3 }));
      const table = new ArmLpaeTable(host, options);
      const model = new NaiveArmLpae(granule, topLevel, options.partialUnmap === 'split');
      runLpae(table, model, host, granule, inReach);
      count += inReach.length;
    }),
    { numRuns: programs },
  );
  return count;
}

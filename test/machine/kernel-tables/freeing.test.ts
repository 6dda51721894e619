import { describe, expect, it } from 'vitest';
import { FREEING_STOP } from '../../../src/machine/kernel-tables/freeing.ts';
import type { PgtableFreeDesign } from '../../../src/machine/kernel-tables/freeing-designs.ts';
import { Machine } from '../../../src/machine/machine.ts';

const ORDER = 9;

function machineWith(pgtableFree: PgtableFreeDesign): Machine {
  return new Machine({ iommu: 'x86', pgtableFree, memoryBytes: 8 << 20 });
}

function isFree(machine: Machine, pfn: number): boolean {
  return machine.allocator.frames.isFree(pfn);
}

describe('a huge page of the vmemmap, given up like a page table', () => {
  it.each<[PgtableFreeDesign, boolean]>([
    ['immediate', true],
    ['v3', true],
    ['inline', false],
    ['merged', true],
  ])('%s: free at once: %s', (design, atOnce) => {
    const machine = machineWith(design);
    const { freeing } = machine.kernelMemory;
    const pfn = machine.allocPages(ORDER);
    freeing.giveUpHugePage(pfn, ORDER);
    expect(isFree(machine, pfn)).toBe(atOnce);
    expect(freeing.pagesWaiting).toBe(atOnce ? 0 : 512);
    for (const work of [...freeing.works]) machine.scheduler.finish(work);
    expect(isFree(machine, pfn)).toBe(true);
  });

  it('inline: is freed at once where GFP_ATOMIC has no memory for a node', () => {
    const machine = machineWith('inline');
    const { freeing } = machine.kernelMemory;
    freeing.failingAtomicAllocs = 1;
    const [first, second] = [machine.allocPages(ORDER), machine.allocPages(ORDER)];
    freeing.giveUpHugePage(first, ORDER);
    freeing.giveUpHugePage(second, ORDER);
    expect([isFree(machine, first), isFree(machine, second)]).toEqual([true, false]);
  });
});

describe('the work', () => {
  it('is scheduled once, however many pages wait, and again for those that come while it runs', () => {
    const machine = machineWith('merged');
    const { freeing, tables } = machine.kernelMemory;
    const table = (): number => tables.alloc({ level: 0, base: 0, mm: 0, isPtKernel: true });
    const [first, second, third] = [table(), table(), table()];
    freeing.giveUp(first, 'pte');
    freeing.giveUp(second, 'pte');
    expect(freeing.works).toHaveLength(1);
    const [work] = freeing.works;
    if (work === undefined) throw new Error('no work was scheduled');
    machine.scheduler.stepTo(work, FREEING_STOP.taken);
    freeing.giveUp(third, 'pte');
    expect(freeing.works).toHaveLength(2);
    machine.scheduler.finish(work);
    expect([first, second, third].map(pfn => isFree(machine, pfn))).toEqual([true, true, false]);
    machine.scheduler.run();
    expect(isFree(machine, third)).toBe(true);
  });

  it('waits for the end of boot', () => {
    const machine = machineWith('merged');
    const { freeing, tables } = machine.kernelMemory;
    freeing.systemState = 'booting';
    const pfn = tables.alloc({ level: 0, base: 0, mm: 0, isPtKernel: true });
    freeing.giveUp(pfn, 'pte');
    expect(freeing.works).toHaveLength(0);
    freeing.boot();
    machine.scheduler.run();
    expect(isFree(machine, pfn)).toBe(true);
  });
});

import type { PhysicalMemory } from '../memory/physical-memory.ts';

/** Where a pointer of the kernel points: only the linear mapping of memory is fit for `dma_map_single()`. */
export type PointerArea = 'linear' | 'vmalloc' | 'invalid';

/** What the kernel itself has in memory, as far as dma-debug asks for it: nobody should map it for a device. */
export class KernelAreas {
  private readonly memory: PhysicalMemory;
  /** The task whose stack a page is part of. */
  private readonly stacks = new Map<number, number>();
  private readonly image: { readonly start: number; readonly end: number }[] = [];

  constructor(memory: PhysicalMemory) {
    this.memory = memory;
  }

  /** Pages of a task's stack. */
  addStack(pid: number, pfn: number, pages: number): void {
    for (let page = pfn; page < pfn + pages; page++) this.stacks.set(page, pid);
  }

  /** `_stext` to `_etext`, or `__start_rodata` to `__end_rodata`. */
  addTextOrRodata(phys: number, size: number): void {
    this.image.push({ start: phys, end: phys + size });
  }

  isStackOf(pid: number, phys: number): boolean {
    return this.stacks.get(Math.floor(phys / this.memory.pageSize)) === pid;
  }

  isTextOrRodata(phys: number, size: number): boolean {
    return this.image.some(({ start, end }) => start < phys + size && phys < end);
  }

  /** `pfn_valid()` and not `PageReserved()`: memory that is no resource of a device. */
  isRam(phys: number): boolean {
    return this.memory.kindOf(Math.floor(phys / this.memory.pageSize)) === 'ram';
  }
}

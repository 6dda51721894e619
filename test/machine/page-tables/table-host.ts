import { KernelLog } from '../../../src/machine/kernel-log.ts';
import { PhysicalMemory } from '../../../src/machine/memory/physical-memory.ts';
import type { TablePages } from '../../../src/machine/memory/table-pages.ts';
import { type IotlbGather, newGather, resetGather } from '../../../src/machine/page-tables/iotlb-gather.ts';
import type { PageTableHost } from '../../../src/machine/page-tables/page-table.ts';

const PAGE = 4096;

/** Hands out tables from a small memory, and knows which are out. */
class CountedTables implements TablePages {
  /** Address and size of every table that is out. */
  readonly live = new Map<number, number>();
  /** While true there is no memory. */
  isExhausted = false;
  private readonly memory: PhysicalMemory;
  private readonly free = new Map<number, number[]>();
  private next = PAGE;

  constructor(memory: PhysicalMemory) {
    this.memory = memory;
  }

  allocTable(sizeBytes: number): number | undefined {
    if (this.isExhausted) return undefined;
    const size = Math.max(sizeBytes, PAGE);
    const phys = this.free.get(size)?.pop() ?? this.take(size);
    this.memory.zero(phys, size);
    this.live.set(phys, size);
    return phys;
  }

  freeTable(phys: number): void {
    const size = this.live.get(phys);
    if (size === undefined) throw new Error(`0x${phys.toString(16)} is no table that is out`);
    this.live.delete(phys);
    // What hardware would find there: entries that lead nowhere good.
    this.memory.words.fill(0xffffffff, phys / 4, (phys + size) / 4);
    const list = this.free.get(size) ?? [];
    list.push(phys);
    this.free.set(size, list);
  }

  private take(size: number): number {
    const phys = Math.ceil(this.next / size) * size;
    this.next = phys + size;
    if (this.next > this.memory.sizeBytes) throw new Error('the memory of this test is too small');
    return phys;
  }
}

/** What a page table needs of a machine, and what it has asked of it. */
export interface TestHost extends PageTableHost {
  readonly tables: CountedTables;
  /** `flushWalk` calls: `[iova, size]`. */
  readonly walkFlushes: [number, number][];
  /** What `syncGather` was given: `[start, end]`. */
  readonly syncs: [number, number][];
}

export function newTestHost(sizeBytes = 8 * 2 ** 20): TestHost {
  const memory = new PhysicalMemory({ sizeBytes });
  const tables = new CountedTables(memory);
  const walkFlushes: [number, number][] = [];
  const syncs: [number, number][] = [];
  const release = (gather: IotlbGather): void => {
    for (const table of gather.freelist) tables.freeTable(table);
    resetGather(gather);
  };
  return {
    memory,
    tables,
    log: new KernelLog(),
    walkFlushes,
    syncs,
    flushWalk: (iova, size) => void walkFlushes.push([iova, size]),
    syncGather(gather) {
      syncs.push([gather.start, gather.end]);
      release(gather);
    },
  };
}

/** Unmaps with a gather of its own, which is synced at once. */
export function withGather(host: TestHost, unmap: (gather: IotlbGather) => number): number {
  const gather = newGather();
  const unmapped = unmap(gather);
  for (const table of gather.freelist) host.tables.freeTable(table);
  return unmapped;
}

import type { TableRegistry } from '../kernel-tables/table-registry.ts';
import type { PhysicalMemory, WordBus } from '../memory/physical-memory.ts';
import type { HardwareTables, WalkEntry, WalkRoot } from '../page-tables/page-table.ts';
import type { Clock } from '../time/clock.ts';
import type { Truth } from '../truth/truth.ts';
import type { UserMm } from './user-mm.ts';

/**
 * A process's page tables as the IOMMU walks them for one device. The truth looks at each entry that is read or written:
 * it must lie in the table that spans the address, and not in whatever has become of that page.
 */
export class SvaTables implements HardwareTables {
  private readonly mm: UserMm;
  private readonly registry: TableRegistry;
  private readonly truth: Truth;
  private readonly clock: Clock;
  private readonly memory: PhysicalMemory;
  private readonly device: number;
  /** Of the entry that was read last: the address, and whether the table was right. */
  private address = 0;
  private wasRight = true;

  constructor(
    mm: UserMm,
    registry: TableRegistry,
    truth: Truth,
    clock: Clock,
    memory: PhysicalMemory,
    device: number,
  ) {
    this.mm = mm;
    this.registry = registry;
    this.truth = truth;
    this.clock = clock;
    this.memory = memory;
    this.device = device;
  }

  root(): WalkRoot {
    return { phys: this.mm.tree.root, level: this.mm.tree.topLevel };
  }

  readEntry(bus: WordBus, table: number, level: number, address: number, into: WalkEntry): void {
    this.address = address;
    this.wasRight =
      table === this.mm.tree.root || this.registry.isRightTable(table, level, address, this.mm.id);
    if (!this.wasRight) this.tell(table, false);
    this.mm.tree.readEntry(bus, table, level, address, into);
  }

  setAccessed(bus: WordBus, walked: Readonly<WalkEntry>, isWrite: boolean): void {
    const before = bus.read(walked.entry);
    this.mm.tree.setAccessed(bus, walked, isWrite);
    if (!this.wasRight && bus.read(walked.entry) !== before) this.tell(walked.entry, true);
  }

  private tell(phys: number, isWrite: boolean): void {
    this.truth.wrongWalk({
      timeNs: this.clock.nowNs,
      device: this.device,
      domain: this.mm.domain,
      iova: this.address,
      pfn: Math.floor(phys / this.memory.pageSize),
      isWrite,
    });
  }
}

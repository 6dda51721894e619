import type { Emission } from '../events/emission.ts';
import type { PageAllocator } from '../memory/page-allocator.ts';
import type { Kernel, Thread } from '../threads/thread.ts';
import {
  FREEING,
  type FreeingRules,
  type FreeSite,
  type PgtableFreeDesign,
  type WorkStep,
} from './freeing-designs.ts';
import type { TableRegistry } from './table-registry.ts';

/** Places at which another CPU may come in between. */
export const FREEING_STOP = {
  begun: 'kernel_pgtable_work_func: begun',
  taken: 'kernel_pgtable_work_func: list taken',
  invalidated: 'kernel_pgtable_work_func: invalidated',
} as const;

export interface FreeingHost {
  readonly emission: Emission;
  readonly allocator: PageAllocator;
  readonly tables: TableRegistry;
  /** `iommu_sva_invalidate_kva_range(PAGE_OFFSET, TLB_FLUSH_ALL)`, or from 0 in `v3`. */
  invalidate(): Kernel;
  /** Makes a thread of the work; it runs when the scheduler lets it. */
  spawn(name: string, body: Kernel): Thread<void>;
}

/** A page, or `2^order` of them, that waits to be freed. */
interface Waiting {
  readonly pfn: number;
  readonly order: number;
}

/** `system_state`, as far as it matters here. */
export type SystemState = 'booting' | 'running';

/** Frees kernel page-table pages in one of the {@link PgtableFreeDesign}s. */
export class PgtableFreeing {
  readonly design: PgtableFreeDesign;
  systemState: SystemState = 'running';
  /** The next allocations with `GFP_ATOMIC` that fail: nodes of the `inline` design for higher orders. */
  failingAtomicAllocs = 0;
  /** Works that were scheduled and are not over. */
  readonly works: Thread<void>[] = [];
  private readonly host: FreeingHost;
  private readonly rules: FreeingRules;
  private waiting: Waiting[] = [];
  private isPending = false;
  private isRunning = false;

  /** @param changed rules of the design that are otherwise, for tests */
  constructor(host: FreeingHost, design: PgtableFreeDesign, changed: Partial<FreeingRules> = {}) {
    this.host = host;
    this.design = design;
    this.rules = { ...FREEING[design], ...changed };
  }

  /** Pages that wait. */
  get pagesWaiting(): number {
    return this.waiting.reduce((sum, { order }) => sum + 2 ** order, 0);
  }

  /** A table page is given up by a place in the kernel. */
  giveUp(pfn: number, site: FreeSite): void {
    const { emission, tables } = this.host;
    const list = this.rules.listFor(site, tables.role(pfn)?.isPtKernel ?? false, 0);
    // Nothing has ever referred to the table of a split that came too late: freed at once it is any page.
    const isTable = list !== undefined || site !== 'split loser';
    if (isTable && site === 'split loser') emission.sink.kernelTableUnlink(emission.moment(), pfn);
    if (isTable) emission.sink.kernelTableFree(emission.moment(), pfn);
    if (list === undefined) tables.free(pfn);
    else this.queue({ pfn, order: 0 });
  }

  /** `free_hugepage_table()`: a huge page of the vmemmap, which is no page table, takes the same way. */
  giveUpHugePage(pfn: number, order: number): void {
    const list = this.rules.listFor('hot-remove', false, order);
    const hasNode = list !== 'pages' || this.failingAtomicAllocs === 0;
    if (list !== undefined && hasNode) {
      this.queue({ pfn, order });
      return;
    }
    // kernel_pgtable_async_free_pages(): without memory for a node the pages are freed at once.
    if (list === 'pages') this.failingAtomicAllocs--;
    this.host.allocator.free(pfn, order);
  }

  /** `core_initcall`: what was queued while the system booted is freed now. */
  boot(): void {
    this.systemState = 'running';
    if (this.waiting.length > 0) this.schedule();
  }

  private queue(page: Waiting): void {
    this.waiting.push(page);
    if (this.systemState === 'running') this.schedule();
  }

  /** `schedule_work()`: nothing where the work is pending already; never runs beside itself. */
  private schedule(): void {
    if (this.isPending) return;
    this.isPending = true;
    const work = this.host.spawn('kworker/0:1', this.work());
    this.works.push(work);
  }

  private *work(): Kernel {
    yield { what: 'the work that runs', until: () => !this.isRunning };
    this.isPending = false;
    this.isRunning = true;
    const { emission } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('kernel_pgtable_work_func'));
    yield FREEING_STOP.begun;
    const taken: Waiting[] = [];
    for (const step of this.rules.work) yield* this.step(step, taken);
    emission.leave(caller);
    this.isRunning = false;
    this.works.shift();
  }

  private *step(step: WorkStep, taken: Waiting[]): Kernel {
    if (step === 'take') {
      taken.push(...this.waiting);
      this.waiting = [];
      if (!this.rules.freesUnderLock) yield FREEING_STOP.taken;
    } else if (step === 'invalidate') {
      yield* this.host.invalidate();
      yield FREEING_STOP.invalidated;
    } else {
      for (const page of taken) this.freeNow(page);
    }
  }

  private freeNow({ pfn, order }: Waiting): void {
    if (order === 0 && this.host.tables.role(pfn) !== undefined) this.host.tables.free(pfn);
    else this.host.allocator.free(pfn, order);
  }
}

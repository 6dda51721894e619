import { hex } from '../../../kernel/units.ts';
import type { Device } from '../../device/device.ts';
import type { KernelMemory } from '../../kernel-tables/kernel-memory.ts';
import { LEVEL_PMD, LEVEL_PUD, PMD_SHIFT, VMALLOC_START } from '../../kernel-tables/layout.ts';
import type { Machine } from '../../machine.ts';
import { MachineError } from '../../machine-error.ts';
import { lowWord } from '../../page-tables/formats/address-bits.ts';
import { ENTRY_TABLE } from '../../page-tables/formats/entry-format.ts';
import { X86_P, X86_RW, X86_US } from '../../page-tables/formats/x86-first-stage.ts';
import type { SvaAccess } from '../../sva/sva.ts';
import type { UserMm } from '../../sva/user-mm.ts';
import type { Kernel, Thread } from '../../threads/thread.ts';
import type { NamedPages } from '../named-pages.ts';
import { MIB_2, PAGE } from '../places.ts';
import { type Stage, sizeText } from '../stage.ts';

/** A kernel address that is aligned to 1 GiB, and the 2 MiB behind the first. */
export const KVA = VMALLOC_START;
export const KVA_2: number = KVA + MIB_2;

/** Physical address of device memory that the kernel maps; aligned to 1 GiB. */
export const REGISTERS: number = 2 ** 40;

/** A device that is bound to a process. */
export interface Bound {
  readonly device: Device;
  readonly mm: UserMm;
}

/** What the scenarios of kernel page tables do, each a line of the story. */
export class KernelPlay {
  readonly kernel: KernelMemory;
  private readonly stage: Stage;
  private readonly machine: Machine;
  /** A page whose contents no device should ever reach. */
  private readonly secret: NamedPages;

  constructor(stage: Stage) {
    this.stage = stage;
    this.machine = stage.machine;
    this.kernel = stage.machine.kernelMemory;
    this.secret = stage.existing('secret', this.machine.allocPages(0, { owner: 'secret' }) * PAGE, PAGE);
  }

  /** `iommu_sva_bind_device()` */
  bind(name = '1'): Bound {
    const device = this.machine.device(`dev${name}`);
    const mm = this.kernel.process(`process ${name}`);
    this.machine.call(this.kernel.bind(device, mm));
    this.stage.tell(`iommu_sva_bind_device(${device.name}, ${mm.name})`);
    return { device, mm };
  }

  unbind({ device, mm }: Bound): void {
    this.machine.call(this.kernel.unbind(device, mm));
    this.stage.tell(`iommu_sva_unbind_device(${device.name}, ${mm.name})`);
  }

  /** Small pages from an address on: their PTE page is called `table`. */
  mapSmall(address: number, table: string, pages = 4): NamedPages {
    this.machine.call(this.kernel.vmap(address, REGISTERS, pages * PAGE, 12));
    const named = this.nameTable(address, LEVEL_PMD, table);
    this.stage.tell(`vmap(${hex(address)}, ${pages} pages)`, `PTE page ${table}`);
    return named;
  }

  unmapSmall(address: number, pages = 4): void {
    this.kernel.vunmap(address, pages * PAGE);
    this.stage.tell(`vunmap(${hex(address)}, ${pages} pages)`, 'the tables stay');
  }

  /** Gives the name to the table below the entry of `level`. */
  nameTable(address: number, level: number, name: string): NamedPages {
    const { mm } = this.kernel;
    const word = mm.entry(address, level);
    if (word < 0 || mm.kind(word, level) !== ENTRY_TABLE)
      throw new MachineError(`there is no table to be called ${name}`);
    return this.stage.existing(name, mm.tablePfn(word) * PAGE, PAGE);
  }

  namePmdTable(address: number, name: string): NamedPages {
    return this.nameTable(address, LEVEL_PUD, name);
  }

  /** `ioremap()` with a huge page, where an unused table is in the way. */
  mapHuge(address: number, shift = PMD_SHIFT): void {
    this.machine.call(this.kernel.vmap(address, REGISTERS, 2 ** shift, shift));
    this.stage.tell(
      `ioremap(${hex(address)}, ${sizeText(2 ** shift)})`,
      'a huge page takes the place of the table',
    );
  }

  /** Lets code run as a thread of another CPU, to a place or to its end. */
  start(name: string, body: Kernel<unknown>, place?: string): Thread {
    const thread = this.machine.spawn(name, body, { cpu: 1 });
    if (place !== undefined) this.machine.scheduler.stepTo(thread, place);
    else this.machine.scheduler.finish(thread);
    this.stage.tell(name, place === undefined ? '' : `stands at "${place}"`);
    return thread;
  }

  finish(thread: Thread): void {
    this.machine.scheduler.finish(thread);
    this.stage.tell(`${thread.name} goes on to its end`);
  }

  /**
   * The device reads an address of the kernel's half. It is refused where the leaf keeps user mode out, but its caches
   * have learnt the tables on the way.
   */
  touch({ device, mm }: Bound, address: number): SvaAccess {
    const access = this.kernel.sva.access(device, mm, address, false);
    const known = this.kernel.sva.cachedTables(device, mm);
    const names = this.stage.named.filter(({ pfn }) => known.includes(pfn)).map(({ name }) => name);
    const cached = names.length === 0 ? '' : `; has cached ${names.join(' and ')}`;
    const what =
      access.fault === undefined ? `reaches ${this.nameOf(access.pfn)}` : `refused: ${access.fault}`;
    this.stage.tell(`${device.name} reads ${hex(address)}`, what + cached);
    return access;
  }

  /**
   * Somebody is handed the page, if it is free by now, and writes what looks like entries that lead to a secret.
   *
   * @param isExpected whether it must be free by now, in every design
   * @returns whether it was
   */
  reuse(table: NamedPages, isExpected = false): boolean {
    const { machine } = this;
    if (!machine.allocator.frames.isFree(table.pfn)) {
      const step = this.stage.steps.length;
      if (isExpected)
        this.stage.surprises.push({ step, page: table.name, expected: 'as free', actual: 'as held' });
      this.stage.tell(`alloc_pages() by a victim`, `another page: ${table.name} is not free`);
      return false;
    }
    const pfn = machine.allocPages(0, { owner: 'victim' });
    if (pfn !== table.pfn) {
      if (!machine.allocator.allocContigRange(table.pfn, 1, machine.ownerId('victim'))) {
        throw new MachineError(`${table.name} cannot be handed out`);
      }
      machine.freePages(pfn);
    }
    const forged = lowWord(this.secret.phys) | X86_P | X86_RW | X86_US;
    for (let at = table.phys; at < table.phys + PAGE; at += 8) machine.memory.write(at, forged >>> 0);
    this.stage.tell('alloc_pages() by a victim', `${table.name}, filled with entries that lead to secret`);
    return true;
  }

  /** Lets the work that is next run to a place, if it comes by there; else to its end. @returns the work */
  workTo(place: string): Thread | undefined {
    const [work] = this.kernel.freeing.works;
    if (work === undefined) return undefined;
    while (!work.isDone && work.stop !== place) this.machine.scheduler.step(work);
    this.stage.tell('kernel_pgtable_work_func()', work.isDone ? '' : `stands at "${place}"`);
    return work;
  }

  /** Works run to their ends. */
  work(): void {
    const { works } = this.kernel.freeing;
    if (works.length === 0) return;
    for (let [next] = works; next !== undefined; [next] = works) this.machine.scheduler.finish(next);
    this.stage.tell('kernel_pgtable_work_func()', 'to its end');
  }

  /** Lets a work that stands somewhere go on. */
  finishWork(work: Thread | undefined): void {
    if (work !== undefined && !work.isDone) this.finish(work);
  }

  private nameOf(pfn: number): string {
    return this.stage.named.find(pages => pages.pfn === pfn)?.name ?? `page ${hex(pfn)}`;
  }
}

import type { Device } from '../device/device.ts';
import type { KernelMemory } from '../kernel-tables/kernel-memory.ts';
import { PAGE_OFFSET, PAGE_SHIFT, PMD_SHIFT, PUD_SHIFT, VMALLOC_START } from '../kernel-tables/layout.ts';
import type { Machine } from '../machine.ts';
import { lowWord } from '../page-tables/formats/address-bits.ts';
import { X86_P, X86_RW, X86_US } from '../page-tables/formats/x86-first-stage.ts';
import type { UserMm } from '../sva/user-mm.ts';
import type { Kernel, Thread } from '../threads/thread.ts';
import type { KernelTableOperation, KernelTableOperationKind } from './kernel-table-program.ts';

const PAGE = 2 ** PAGE_SHIFT;
const MIB_2 = 2 ** PMD_SHIFT;

/** Slots of 2 MiB in the vmalloc area, and in the direct map. */
const SLOTS = 4;
/** Physical addresses: of what vmalloc maps, and of memory that is added; beyond the machine's own memory. */
const REGISTERS = 2 ** 40;
const ADDED = 2 ** 38;
const USER = 2 ** 30;

/** How a slot of 2 MiB is mapped. */
type SlotState = 'empty' | 'small' | 'huge';

interface Bound {
  readonly device: Device;
  readonly mm: UserMm;
}

/**
 * Plays a random program of kernel page tables: the kernel keeps its own rules (nothing is mapped twice, a huge page
 * comes only where nothing is mapped), threads stop where they can be interrupted, and somebody takes freed pages and
 * fills them with what looks like entries.
 */
export class KernelTablePlayer {
  private readonly machine: Machine;
  private readonly kernel: KernelMemory;
  private readonly slots: SlotState[] = Array.from({ length: SLOTS }, () => 'empty');
  /** 1 GiB behind the slots, mapped at once. */
  private isGiant = false;
  private readonly direct: SlotState[] = Array.from({ length: SLOTS }, () => 'empty');
  private readonly added: boolean[] = Array.from({ length: SLOTS }, () => false);
  private readonly candidates: readonly Bound[];
  private readonly bound: Bound[] = [];
  private readonly hasUserMemory = new Set<UserMm>();
  /** Pages of the one who takes freed pages. */
  private readonly taken: number[] = [];
  /** A thread that stands somewhere, and what it does to the state when it is over. */
  private standing: { readonly thread: Thread; readonly after: () => void } | undefined;
  private readonly secret: number;

  constructor(machine: Machine) {
    this.machine = machine;
    this.kernel = machine.kernelMemory;
    this.secret = machine.allocPages(0, { owner: 'secret' }) * PAGE;
    const processes = ['1', '2'].map(name => this.kernel.process(`process ${name}`));
    const devices = ['1', '2'].map(name => machine.device(`dev${name}`));
    this.candidates = devices.flatMap(device => processes.map(mm => ({ device, mm })));
  }

  play(program: readonly KernelTableOperation[]): void {
    for (const operation of program) this.run(operation);
    this.goOn();
    this.finishWork();
  }

  private run({ kind, which, how }: KernelTableOperation): void {
    const operation: Record<KernelTableOperationKind, () => void> = {
      bind: () => this.bind(which),
      unbind: () => this.unbind(which),
      'map small': () => this.mapSmall(which),
      'unmap small': () => this.unmapSmall(which),
      'map huge': () => this.mapHuge(which, how),
      'unmap huge': () => this.unmapHuge(which),
      'map giant': () => this.mapGiant(how),
      split: () => this.split(which, how),
      collapse: () => this.collapse(which, how),
      'empty by CPA': () => this.emptyByCpa(which, how),
      'hot-add': () => this.hotAdd(which),
      'hot-remove': () => this.hotRemove(which, how),
      touch: () => this.touch(which, how),
      'touch user memory': () => this.touchUser(which, how),
      'unmap user memory': () => this.unmapUser(which),
      'step work': () => this.stepWork(),
      'finish work': () => this.finishWork(),
      'go on': () => this.goOn(),
      reuse: () => this.reuse(),
      'give back': () => this.giveBack(which),
    };
    operation[kind]();
  }

  private bind(which: number): void {
    const free = this.candidates.filter(candidate => !this.bound.includes(candidate));
    const binding = free[which % Math.max(1, free.length)];
    if (binding === undefined) return;
    this.finishWork();
    this.machine.call(this.kernel.bind(binding.device, binding.mm));
    this.bound.push(binding);
  }

  private unbind(which: number): void {
    const binding = this.bound[which % Math.max(1, this.bound.length)];
    if (binding === undefined) return;
    this.finishWork();
    this.machine.call(this.kernel.unbind(binding.device, binding.mm));
    this.bound.splice(this.bound.indexOf(binding), 1);
  }

  private mapSmall(which: number): void {
    const slot = which % SLOTS;
    if (this.isBusy() || this.isGiant || this.slots[slot] !== 'empty') return;
    this.machine.call(this.kernel.vmap(vmalloc(slot), REGISTERS, 4 * PAGE, PAGE_SHIFT));
    this.slots[slot] = 'small';
  }

  private unmapSmall(which: number): void {
    const slot = which % SLOTS;
    if (this.isBusy() || this.slots[slot] !== 'small') return;
    this.kernel.vunmap(vmalloc(slot), 4 * PAGE);
    this.slots[slot] = 'empty';
  }

  private mapHuge(which: number, how: number): void {
    const slot = which % SLOTS;
    if (this.isBusy() || this.isGiant) return;
    if (this.slots[slot] === 'small') this.unmapSmall(slot);
    if (this.slots[slot] !== 'empty') return;
    this.start(this.kernel.vmap(vmalloc(slot), REGISTERS, MIB_2, PMD_SHIFT), how, () => {
      this.slots[slot] = 'huge';
    });
  }

  private unmapHuge(which: number): void {
    const slot = which % SLOTS;
    if (this.isBusy()) return;
    if (this.isGiant) {
      this.kernel.vunmap(VMALLOC_START, 2 ** PUD_SHIFT);
      this.isGiant = false;
    } else if (this.slots[slot] === 'huge') {
      this.kernel.vunmap(vmalloc(slot), MIB_2);
      this.slots[slot] = 'empty';
    }
  }

  private mapGiant(how: number): void {
    if (this.isBusy() || this.isGiant || this.slots.some(state => state === 'huge')) return;
    for (let slot = 0; slot < SLOTS; slot++) this.unmapSmall(slot);
    this.start(this.kernel.vmap(VMALLOC_START, REGISTERS, 2 ** PUD_SHIFT, PUD_SHIFT), how, () => {
      this.isGiant = true;
    });
  }

  private split(which: number, how: number): void {
    const slot = which % SLOTS;
    if (this.isBusy()) return;
    if (this.direct[slot] === 'empty') {
      this.machine.call(this.kernel.vmap(direct(slot), slot * MIB_2, MIB_2, PMD_SHIFT));
      this.direct[slot] = 'huge';
    }
    if (this.direct[slot] !== 'huge') return;
    this.start(this.kernel.splitLargePage(direct(slot)), how, () => {
      this.direct[slot] = 'small';
    });
  }

  private collapse(which: number, how: number): void {
    const slot = which % SLOTS;
    if (this.isBusy() || this.direct[slot] !== 'small') return;
    this.start(this.kernel.collapseLargePages(direct(slot), MIB_2), how, () => {
      this.direct[slot] = 'huge';
    });
  }

  private emptyByCpa(which: number, how: number): void {
    const slot = which % SLOTS;
    if (this.isBusy() || this.slots[slot] !== 'small') return;
    this.start(this.kernel.unmapPteRange(vmalloc(slot), 4 * PAGE), how, () => {
      this.slots[slot] = 'empty';
    });
  }

  private hotAdd(which: number): void {
    const slot = which % SLOTS;
    if (this.isBusy() || this.added[slot]) return;
    this.kernel.hotAdd(ADDED + slot * MIB_2, MIB_2);
    this.added[slot] = true;
  }

  private hotRemove(which: number, how: number): void {
    const slot = which % SLOTS;
    if (this.isBusy() || !this.added[slot]) return;
    this.start(this.kernel.hotRemove(ADDED + slot * MIB_2, MIB_2), how, () => {
      this.added[slot] = false;
    });
  }

  /** A device reads or writes an address of the kernel's half. */
  private touch(which: number, how: number): void {
    const binding = this.bound[which % Math.max(1, this.bound.length)];
    if (binding === undefined) return;
    const slot = how % SLOTS;
    const page = (how >> 2) % 6;
    const region = (how >> 5) % 3;
    const base =
      region === 0 ? vmalloc(slot) : region === 1 ? direct(slot) : PAGE_OFFSET + ADDED + slot * MIB_2;
    this.kernel.sva.access(binding.device, binding.mm, base + page * PAGE, (how >> 7) % 2 === 1);
  }

  private touchUser(which: number, how: number): void {
    const binding = this.bound[which % Math.max(1, this.bound.length)];
    if (binding === undefined) return;
    const { device, mm } = binding;
    if (!this.hasUserMemory.has(mm)) mm.mmap(USER, 4);
    this.hasUserMemory.add(mm);
    this.kernel.sva.access(device, mm, USER + (how % 4) * PAGE, (how >> 2) % 2 === 1);
  }

  private unmapUser(which: number): void {
    const mm = [...this.hasUserMemory][which % Math.max(1, this.hasUserMemory.size)];
    if (mm === undefined) return;
    this.machine.call(mm.munmap(USER, 4));
    this.hasUserMemory.delete(mm);
  }

  private stepWork(): void {
    const [work] = this.kernel.freeing.works;
    if (work !== undefined) this.machine.scheduler.step(work);
  }

  private finishWork(): void {
    const { works } = this.kernel.freeing;
    for (let [work] = works; work !== undefined; [work] = works) this.machine.scheduler.finish(work);
  }

  /** Somebody is handed a page, likely the one freed last, and writes what looks like entries. */
  private reuse(): void {
    const pfn = this.machine.allocPages(0, { owner: 'victim' });
    if (pfn < 0) return;
    this.taken.push(pfn);
    const forged = (lowWord(this.secret) | X86_P | X86_RW | X86_US) >>> 0;
    for (let at = pfn * PAGE; at < (pfn + 1) * PAGE; at += 8) {
      this.machine.memory.write(at, forged);
      this.machine.memory.write(at + 4, 0);
    }
  }

  private giveBack(which: number): void {
    const [pfn] = this.taken.splice(which % Math.max(1, this.taken.length), 1);
    if (pfn !== undefined) this.machine.freePages(pfn);
  }

  private isBusy(): boolean {
    return this.standing !== undefined;
  }

  /** Runs code as a thread: to its end, or to its first stop, where it stands until somebody lets it go on. */
  private start(body: Kernel<unknown>, how: number, after: () => void): void {
    const thread = this.machine.spawn('kernel thread', body, { cpu: 1 });
    this.standing = { thread, after };
    this.machine.scheduler.step(thread);
    if (how % 2 === 0 || thread.isDone) this.goOn();
  }

  private goOn(): void {
    if (this.standing === undefined) return;
    const { thread, after } = this.standing;
    if (!thread.isDone) this.machine.scheduler.finish(thread);
    this.standing = undefined;
    after();
  }
}

function vmalloc(slot: number): number {
  return VMALLOC_START + slot * MIB_2;
}

function direct(slot: number): number {
  return PAGE_OFFSET + slot * MIB_2;
}

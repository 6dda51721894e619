import type { Device } from '../device/device.ts';
import type { Machine } from '../machine.ts';
import type { PagePool } from '../page-pool/page-pool.ts';
import { Random } from '../threads/random.ts';

/** Pages that are out for less than this at the end may well come back right after it (the rule's patience). */
const TOO_SOON_NS = 100e6;
const PAGE = 4096;

/** A pool of a random program, and the pages that the network stack has of it. */
interface PlayedPool {
  readonly pool: PagePool;
  readonly out: number[];
  /** Pages that were freed behind its back: it waits for them for ever. */
  lost: number;
  destroyedNs: number | undefined;
  isTold: boolean;
}

/** What really happened in a program, for the rules on page_pools to tell. */
export interface PoolTruth {
  /** Pools that a driver left behind with pages that were still mapped. */
  unbound: number;
  /** Whether a page was freed that a pool had. */
  freedPages: number;
  /** Pools that were destroyed and did not get their pages back: until the driver left, or for long. */
  inflight: number;
}

/**
 * Plays a random program of a network driver: pools, pages that are in the stack, drivers that leave too early. A right
 * program gets everything back and destroys its pools before the driver leaves.
 */
export class PoolPlayer {
  readonly happened: PoolTruth = { unbound: 0, freedPages: 0, inflight: 0 };
  private readonly machine: Machine;
  private readonly random: Random;
  private readonly device: Device;
  private pools: PlayedPool[] = [];
  private made = 0;

  constructor(machine: Machine, seed: number) {
    this.machine = machine;
    this.random = new Random(seed);
    this.device = machine.device('0000:00:04.0');
    machine.drivers.add(this.device);
    machine.call(machine.drivers.bind(this.device, 'nic'));
  }

  play(operations: number, mistakes: number): void {
    for (let at = 0; at < operations; at++) {
      if (this.random.chance(mistakes)) this.mistake();
      else this.right();
    }
    this.end();
  }

  private right(): void {
    this.random.pick([
      () => this.create(),
      () => this.take(),
      () => this.take(),
      () => this.take(),
      () => this.giveBack(),
      () => this.giveBack(),
      () => this.destroy(false),
      () =>
        this.random.chance(0.3) ? this.cycle(false) : this.machine.scheduler.sleep(this.random.below(3e8)),
    ])();
  }

  private mistake(): void {
    this.random.pick([
      () => this.destroy(true),
      () => this.cycle(true),
      () => this.freeBehind(),
      () => this.giveBack(),
    ])();
  }

  private create(): void {
    if (this.living().length >= 2) return;
    const pool = this.machine.pagePool(`pool${this.made++}`, this.device);
    this.pools.push({ pool, out: [], lost: 0, destroyedNs: undefined, isTold: false });
  }

  private take(): void {
    const { machine, random } = this;
    const living = this.living();
    if (living.length === 0) return;
    const played = random.pick(living);
    const pfn = machine.call(machine.inside('nic_rx[nic]', played.pool.alloc()));
    if (pfn >= 0) played.out.push(pfn);
  }

  private giveBack(): void {
    const { machine, random } = this;
    const having = this.pools.filter(({ out }) => out.length > 0);
    if (having.length === 0) return;
    const { pool, out } = random.pick(having);
    const [pfn] = out.splice(random.below(out.length), 1);
    if (pfn !== undefined) machine.call(machine.inside('consume_skb', pool.put(pfn)));
  }

  /** A right driver destroys a pool when everything is back. */
  private destroy(isEarly: boolean): void {
    const living = this.living();
    if (living.length === 0) return;
    const played = this.random.pick(living);
    if (!isEarly) this.getAllBack(played);
    this.destroyOne(played);
  }

  private destroyOne(played: PlayedPool): void {
    const { machine } = this;
    played.destroyedNs = machine.clock.nowNs;
    machine.call(machine.inside('nic_close[nic]', played.pool.destroy()));
  }

  private getAllBack(played: PlayedPool): void {
    const { machine } = this;
    for (const pfn of played.out.splice(0)) machine.call(machine.inside('consume_skb', played.pool.put(pfn)));
  }

  /** The driver leaves and comes back; a right one has destroyed its pools. */
  private cycle(isEarly: boolean): void {
    const { machine, device, random } = this;
    for (const played of this.living()) {
      if (isEarly && random.chance(0.5)) continue;
      if (!isEarly) this.getAllBack(played);
      this.destroyOne(played);
    }
    if (!isEarly) for (const played of this.pools) this.getAllBack(played);
    for (const played of this.pools) {
      if (this.leavesMapped(played)) this.happened.unbound++;
      this.lookAtInflight(played, true);
    }
    machine.call(machine.drivers.unbind(device));
    // A pool of the binding before is nobody's: its pages may come back, but none is taken.
    for (const played of this.pools) played.destroyedNs ??= Number.NaN;
    machine.call(machine.drivers.bind(device, 'nic'));
  }

  /** `put_page()` where `page_pool_put_page()` belongs. */
  private freeBehind(): void {
    const having = this.living().filter(({ out }) => out.length > 0);
    if (having.length === 0) return;
    const played = this.random.pick(having);
    const pfn = played.out.pop();
    if (pfn === undefined) return;
    played.lost++;
    this.happened.freedPages++;
    this.machine.allocator.put(pfn);
  }

  private end(): void {
    for (const played of this.pools) this.lookAtInflight(played, false);
  }

  private lookAtInflight(played: PlayedPool, driverLeaves: boolean): void {
    const { destroyedNs, isTold, out, lost } = played;
    if (isTold || destroyedNs === undefined || Number.isNaN(destroyedNs) || out.length + lost === 0) return;
    if (!driverLeaves && this.machine.clock.nowNs - destroyedNs < TOO_SOON_NS) return;
    played.isTold = true;
    this.happened.inflight++;
  }

  /** Whether the page tables still lead to a page of the pool, by asking them. Said once of each pool. */
  private leavesMapped({ pool }: PlayedPool): boolean {
    const { domain } = this.device;
    if (!domain?.pageTable || this.leftBehind.has(pool)) return false;
    const { pageTable } = domain;
    const isMapped = pool
      .mappedPages()
      .some(([pfn, address]) => pageTable.iovaToPhys(address) === pfn * PAGE);
    if (isMapped) this.leftBehind.add(pool);
    return isMapped;
  }

  private readonly leftBehind = new Set<PagePool>();

  /** Pools of this binding that are not destroyed. */
  private living(): PlayedPool[] {
    return this.pools.filter(({ destroyedNs }) => destroyedNs === undefined);
  }
}

import type { Device } from '../device/device.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import type { Machine } from '../machine.ts';
import type { Kernel } from '../threads/thread.ts';
import type { Operation } from './program.ts';

/** Memory that a driver of a random program had. */
export interface PlayedBlock {
  readonly number: number;
  readonly pfn: number;
  readonly order: number;
  isFreed: boolean;
  /** Live mappings of it. */
  mapped: number;
}

/** A map call of a random program. No two have the same number or, but for mistakes, the same IOVA. */
export interface PlayedMapping {
  readonly number: number;
  readonly domain: IommuDomain;
  readonly iova: number;
  readonly size: number;
  readonly block: PlayedBlock;
  /** The driver believes that it is mapped. */
  isLive: boolean;
}

/** Orders that blocks have, the usual ones more often; 9 is a page of 2 MiB. */
const ORDERS = [0, 0, 0, 0, 1, 1, 2, 3, 9];

/** IOVAs of one CPU; CPUs share domains, but never a range. */
const CPU_RANGE = 2 ** 34;
const PAGE = 4096;

/** Former mappings and blocks that a driver remembers, to make a mistake with. */
const REMEMBERED = 64;

/** What one CPU's driver has. */
interface Driver {
  /** Blocks that it has, and those that it freed last. */
  readonly blocks: PlayedBlock[];
  readonly freed: PlayedBlock[];
  /** Mappings that it believes in, and those that were the last to go. */
  readonly live: PlayedMapping[];
  readonly former: PlayedMapping[];
  nextIova: number;
}

/**
 * Plays a random program on a machine: one thread for each CPU, interleaved as the machine's seed decides. Right
 * operations keep the rules, whatever went before: a block is freed only when nothing of it is mapped.
 */
export class Player {
  /** All map calls, where each has a stack of its own; a long run would fill memory with them. */
  readonly mappings: PlayedMapping[] = [];
  /** Map calls that failed. */
  refused = 0;
  /** Maps of a block that was freed and belongs to somebody else by now: no event says for whom a page is. */
  foreignMaps = 0;
  private readonly machine: Machine;
  private readonly targets: { readonly domain: IommuDomain; readonly device: Device }[] = [];
  private readonly recent: PlayedMapping[] = [];
  private readonly hasOwnStacks: boolean;
  private blockCount = 0;
  private mappingCount = 0;

  /**
   * @param hasOwnStacks each map and each free is a function of its own in the kernel stack, so that findings of
   *   different calls are different findings
   */
  constructor(machine: Machine, domains = 2, hasOwnStacks = true) {
    this.machine = machine;
    this.hasOwnStacks = hasOwnStacks;
    for (let at = 0; at < domains; at++) {
      const device = machine.device(`0000:00:0${at + 1}.0`);
      const domain = machine.domainAlloc(`D${at}`, 'unmanaged', device);
      machine.domains.attach(device, domain);
      this.targets.push({ domain, device });
    }
  }

  play(program: readonly Operation[]): void {
    const byCpu = new Map<number, Operation[]>();
    for (const operation of program) {
      const list = byCpu.get(operation.cpu) ?? [];
      list.push(operation);
      byCpu.set(operation.cpu, list);
    }
    for (const [cpu, operations] of byCpu) {
      this.machine.spawn(`driver/${cpu}`, this.run(cpu, operations), { cpu });
    }
    this.machine.scheduler.run();
  }

  private *run(cpu: number, operations: readonly Operation[]): Kernel {
    const driver: Driver = { blocks: [], freed: [], live: [], former: [], nextIova: (cpu + 1) * CPU_RANGE };
    for (const operation of operations) {
      yield* this.perform(driver, operation);
      yield 'between two operations';
    }
  }

  private *perform(driver: Driver, { kind, which, how }: Operation): Kernel {
    const { live, former, blocks, freed } = driver;
    switch (kind) {
      case 'alloc':
        return this.alloc(driver, which);
      case 'free':
        return this.free(driver, pickUnmapped(blocks, which));
      case 'free-mapped':
        return this.free(driver, pick(live, which)?.block);
      case 'map':
        return yield* this.map(driver, pick(blocks, which), which, how);
      case 'map-freed':
        return yield* this.map(driver, pick(freed, which), which, how);
      case 'map-over':
        return yield* this.map(driver, pick(blocks, how), which, how, pick(live, which));
      case 'unmap':
        return yield* this.unmap(driver, pick(live, which), 'whole', how);
      case 'unmap-part':
        return yield* this.unmap(driver, pick(live, which), 'part', how);
      case 'unmap-more':
        return yield* this.unmap(driver, pick(live, which), 'more', how);
      case 'unmap-again':
        return yield* this.unmap(driver, pick(former, which), 'whole', how);
      case 'access':
        return this.access(pick(live, which), how);
      case 'access-former':
        return this.access(pick(this.recent, which), how);
      case 'wait':
        this.machine.clock.advance(how * 100);
    }
  }

  private alloc(driver: Driver, which: number): void {
    const order = ORDERS[which % ORDERS.length] as number;
    const pfn = this.machine.allocPages(order, { owner: 'driver' });
    if (pfn < 0) return;
    const block = { number: this.blockCount++, pfn, order, isFreed: false, mapped: 0 };
    driver.blocks.push(block);
  }

  private free(driver: Driver, block: PlayedBlock | undefined): void {
    if (!block || block.isFreed) return;
    block.isFreed = true;
    remove(driver.blocks, block);
    remember(driver.freed, block);
    const caller = this.enter(`free_${block.number}`);
    this.machine.freePages(block.pfn, block.order);
    this.machine.emission.leave(caller);
  }

  private *map(
    driver: Driver,
    block: PlayedBlock | undefined,
    which: number,
    how: number,
    under?: PlayedMapping,
  ): Kernel {
    if (!block) return;
    if (block.isFreed && this.machine.truth.owners.owner[block.pfn] !== 0) this.foreignMaps++;
    const { domain } = under ?? (pick(this.targets, how) as { domain: IommuDomain });
    const pages = 2 ** block.order;
    const first = how % pages;
    const count = which % 3 === 0 ? 1 + ((which + how) % (pages - first)) : pages;
    const offset = which % 3 === 0 ? first : 0;
    const size = count * PAGE;
    const iova = under?.iova ?? this.newIova(driver, size, how);
    const number = this.mappingCount++;
    const mapping: PlayedMapping = { number, domain, iova, size, block, isLive: false };
    if (this.hasOwnStacks) this.mappings.push(mapping);
    remember(this.recent, mapping);
    const body = this.machine.iommuMap(domain, iova, (block.pfn + offset) * PAGE, size);
    const error = yield* this.hasOwnStacks
      ? this.machine.inside(`map_${mapping.number}[random]`, body)
      : body;
    if (error !== 0) {
      this.refused++;
      return;
    }
    mapping.isLive = true;
    block.mapped++;
    driver.live.push(mapping);
  }

  private *unmap(
    driver: Driver,
    mapping: PlayedMapping | undefined,
    what: 'whole' | 'part' | 'more',
    how: number,
  ): Kernel {
    if (!mapping) return;
    const { domain, iova, size } = mapping;
    const pages = size / PAGE;
    if (what === 'part' && pages === 1) return;
    if (what !== 'part' && mapping.isLive) {
      mapping.isLive = false;
      mapping.block.mapped--;
      remove(driver.live, mapping);
      remember(driver.former, mapping);
    }
    const offset = what === 'part' && how % 2 === 1 ? how % pages : 0;
    const count =
      what === 'part'
        ? 1 + (how % (pages - Math.max(1, offset)))
        : what === 'more'
          ? pages + 1 + (how % 3)
          : pages;
    yield* this.machine.inside(
      'unmap[random]',
      this.machine.iommuUnmap(domain, iova + offset * PAGE, count * PAGE),
    );
  }

  private access(mapping: PlayedMapping | undefined, how: number): void {
    if (!mapping) return;
    const target = this.targets.find(({ domain }) => domain === mapping.domain);
    const iova = mapping.iova + (how % (mapping.size / PAGE)) * PAGE;
    if (!target) return;
    if (how % 4 === 0) this.machine.dmaRead(target.device, iova, 8);
    else this.machine.dmaWrite(target.device, iova, 8, how);
  }

  /** Mostly aligned to the size, so that large pages are used; with a gap behind it, so that neighbours do not touch. */
  private newIova(driver: Driver, size: number, how: number): number {
    const aligned = how % 4 !== 0;
    const unit = aligned ? 2 ** Math.ceil(Math.log2(size)) : PAGE;
    const iova = Math.ceil(driver.nextIova / unit) * unit;
    driver.nextIova = iova + size + 8 * PAGE;
    return iova;
  }

  private enter(name: string): number {
    const { emission, names } = this.machine;
    return emission.enter(names.stacks.symbol(this.hasOwnStacks ? `${name}[random]` : 'random_free[random]'));
  }
}

function pick<T>(from: readonly T[], which: number): T | undefined {
  return from.length === 0 ? undefined : from[which % from.length];
}

/** A block of which nothing is mapped: the first one from a random place on, after a few tries none. */
function pickUnmapped(blocks: readonly PlayedBlock[], which: number): PlayedBlock | undefined {
  for (let tries = 0; tries < 8; tries++) {
    const block = pick(blocks, which + tries);
    if (block?.mapped === 0) return block;
  }
  return undefined;
}

/** Takes an element out of a list whose order does not matter. */
function remove<T>(from: T[], element: T): void {
  const at = from.indexOf(element);
  const last = from.pop();
  if (at >= 0 && at < from.length && last !== undefined) from[at] = last;
}

/** Keeps the last few. */
function remember<T>(list: T[], element: T): void {
  list.push(element);
  if (list.length > REMEMBERED) list.shift();
}

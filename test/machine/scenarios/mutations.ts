import { EEXIST } from '../../../src/machine/errno.ts';
import type { Machine } from '../../../src/machine/machine.ts';
import type { MachineOptions } from '../../../src/machine/options.ts';
import type {
  GenericPageTable,
  IoPageTable,
  PageTable,
} from '../../../src/machine/page-tables/page-table.ts';

/** A rule turned over, and the scenarios that must notice. */
export interface Flip {
  readonly name: string;
  readonly noticedBy: readonly string[];
  readonly options?: MachineOptions;
  /** Done to the machine before the scenario plays. */
  readonly sabotage?: (machine: Machine) => void;
}

/** Every rule of the sanitizer, the core, the allocator and the page tables that a scenario is about, turned over. */
export const FLIPS: readonly Flip[] = [
  sanitizer('walks by the CPU’s page', { step: 'page' }, ['S20', 'S21']),
  sanitizer('counts a map of physical address 0', { refusesPhysZero: false }, ['S16', 'S17', 'S28']),
  sanitizer('takes 2^64 for no overflow', { refusesOverflow: false }, ['S24']),
  sanitizer('counts down when the translation is gone', { countsDownFirst: false }, [
    'S1',
    'S3',
    'S4',
    'S7',
    'S8',
    'S9',
    'S10',
    'S12',
    'S14',
    'S15',
    'S18',
    'S20',
    'S25',
    'S26',
  ]),
  sanitizer('leaves a short unmap counted down', { countsShortUnmapUp: false }, ['S9', 'S11', 'S13']),
  sanitizer('says nothing of an unmap that is too large', { overUnmap: 'ignored' }, ['S12', 'S14']),
  sanitizer('walks what is unmapped already', { overUnmap: 'walked' }, ['S12', 'S14']),
  sanitizer('takes physical address 0 for a translation', { zeroIsNoTranslation: false }, [
    'S8',
    'S9',
    'S17',
  ]),
  sanitizer('asks pfn_valid()', { counted: 'pfn-valid' }, ['S19']),
  sanitizer('says nothing of a count below zero', { warnsOfRange: false }, ['S17', 'S28']),
  sanitizer('does not check at alloc', { checksAtAlloc: false }, ['S2', 'S17', 'S27']),
  sanitizer('does not check at free', { checksAtFree: false }, [
    'S2',
    'S3',
    'S4',
    'S5',
    'S6',
    'S7',
    'S9',
    'S12',
    'S14',
    'S20',
    'S21',
    'S22',
    'S24',
    'S27',
  ]),
  sanitizer('takes a negative count for none', { suspicious: 'above-zero' }, ['S17']),
  core('leaves what a failed map has mapped', { undoesFailedMap: false }, ['S15']),
  core('tells what was asked for', { tellsWhatWasMapped: false }, ['S15', 'S16']),
  core('leaves a map whose flush failed', { undoesUnsyncedMap: false }, ['S18']),
  {
    name: 'the allocator checks poisoned pages too',
    options: { mutation: { allocator: { skipsPoisonedPages: false } } },
    noticedBy: ['S29'],
  },
  genericTable('generic_pt refuses to unmap a part of a leaf', refusesParts, ['S12', 'S14', 'S30']),
  genericTable('generic_pt returns what was asked for', returnsRequest, ['S12', 'S14', 'S30', 'V1']),
  genericTable('generic_pt goes on behind a hole', skipsHoles, ['S9']),
  genericTable('generic_pt unmaps from the middle of a leaf', takesFromTheMiddle, ['S13']),
  ioTable('io-pgtable stops at the first hole of a table', stopsAtHoles, ['S10']),
  ioTable('io-pgtable refuses a block over a table', refusesReplacement, ['S23']),
  {
    name: 'io-pgtable splits a block on unmap, as it once did',
    options: { table: { armLpae: { partialUnmap: 'split' } } },
    noticedBy: ['S11', 'V5'],
  },
  {
    name: 'an unmap is flushed at once in lazy mode too',
    sabotage: machine => {
      const { unit } = machine.iommu;
      const translate = unit.translate.bind(unit);
      unit.translate = (device, iova, isWrite, into) => {
        for (const domain of machine.domains.all()) unit.flushAll(domain);
        translate(device, iova, isWrite, into);
      };
    },
    noticedBy: ['S26'],
  },
  {
    name: 'the counters of a freed domain are given up',
    sabotage: machine => {
      const free = machine.domains.free.bind(machine.domains);
      machine.domains.free = domain => {
        machine.sanitizer?.refs.fill(0);
        free(domain);
      };
    },
    noticedBy: ['S22'],
  },
  {
    name: 'io-pgtable does not split a block on unmap',
    options: { table: { armLpae: { partialUnmap: 'refuse' } } },
    noticedBy: ['V2', 'V3'],
  },
  {
    name: 'what a device has pinned is freed with its process',
    sabotage: machine => {
      machine.allocator.get = () => {};
    },
    noticedBy: ['V4'],
  },
  freeing('the work that frees kernel page tables does not invalidate', { work: ['take', 'free'] }, [
    'K3',
    'K5',
    'K6',
    'K13',
  ]),
  freeing(
    'the work invalidates before it takes the list',
    { work: ['invalidate', 'take', 'free'], freesUnderLock: true },
    ['K4'],
  ),
  freeing('kernel page tables are freed at once', { listFor: () => undefined }, ['K3', 'K5', 'K9', 'K10']),
  freeing('the work frees nothing', { work: ['take', 'invalidate'] }, ['K1', 'K12']),
  {
    name: 'an unbind leaves the caches of its PASID, and the next bind finds them',
    sabotage: machine => {
      const { sva } = machine.kernelMemory;
      const bind = sva.bind.bind(sva);
      let isBound = false;
      sva.unbind = function* () {};
      sva.bind = function* (device, mm) {
        if (!isBound) yield* bind(device, mm);
        isBound = true;
      };
      // The last process is gone, so that nobody is invalidated any more.
      sva.invalidateKvaRange = function* () {};
    },
    noticedBy: ['K11'],
  },
  {
    name: 'no process is forgotten',
    sabotage: machine => {
      Object.defineProperty(machine.kernelMemory.sva, 'skippedMm', { get: () => undefined, set() {} });
    },
    noticedBy: ['K14'],
  },
  {
    name: 'the truth does not look at table walks',
    sabotage: machine => {
      machine.truth.wrongWalk = () => {};
    },
    noticedBy: ['K2', 'K7', 'K8'],
  },
  pagePool('does not scrub', { scrubs: false }, ['P2']),
  pagePool('scrubs, as merged', { scrubs: true }, ['P3']),
  pagePool('unmaps a page twice', { unmapsOnce: false }, ['P5']),
  pagePool('keeps a page mapped that it could not record', { undoesUnrecorded: false }, ['P7']),
  pagePool('recycles a page that somebody else holds', { recyclesOnlySole: false }, ['P8']),
  pagePool('does not unmap what leaves it', { unmapsAtReturn: false, scrubs: false }, ['P1', 'P12']),
  pagePool('does not wait for XDP', { waitsForXdp: false }, ['P4']),
  pagePool('records pages without bits for it', { needsIndexBits: false }, ['P6']),
  pagePool('does not warn of a negative number', { warnsOfNegative: false }, ['P9']),
  pagePool('takes memory of a provider for pages', { sparesProviders: false }, ['P11']),
  sanitizer('does not check a page of a driver that is gone', { checksAtFree: false }, ['P10', 'P15']),
  {
    name: 'devres forgets what it manages',
    sabotage: machine => {
      machine.drivers.manage = () => {};
    },
    noticedBy: ['P13'],
  },
  {
    name: 'a driver that is bound again is the same as before',
    sabotage: machine => {
      const bind = machine.drivers.bind.bind(machine.drivers);
      machine.drivers.bind = function* (device, driver, probe) {
        const wanted = yield* bind(device, driver, probe);
        device.binding = 1;
        return wanted;
      };
    },
    noticedBy: ['P14'],
  },
  {
    name: 'a failed probe leaves nothing behind',
    sabotage: machine => {
      const bind = machine.drivers.bind.bind(machine.drivers);
      machine.drivers.bind = function* (device, driver, probe) {
        const wanted = yield* bind(device, driver, probe);
        if (!wanted) machine.sanitizer?.refs.fill(0);
        return wanted;
      };
    },
    noticedBy: ['P16'],
  },
];

function freeing(
  name: string,
  rules: NonNullable<NonNullable<MachineOptions['mutation']>['freeing']>,
  noticedBy: readonly string[],
): Flip {
  return { name, options: { pgtableFree: 'merged', mutation: { freeing: rules } }, noticedBy };
}

function sanitizer(
  name: string,
  rules: NonNullable<NonNullable<MachineOptions['mutation']>['sanitizer']>,
  noticedBy: readonly string[],
): Flip {
  return { name: `the sanitizer ${name}`, options: { mutation: { sanitizer: rules } }, noticedBy };
}

function pagePool(
  name: string,
  rules: NonNullable<NonNullable<MachineOptions['mutation']>['pagePool']>,
  noticedBy: readonly string[],
): Flip {
  return { name: `page_pool ${name}`, options: { mutation: { pagePool: rules } }, noticedBy };
}

function core(
  name: string,
  rules: NonNullable<NonNullable<MachineOptions['mutation']>['core']>,
  noticedBy: readonly string[],
): Flip {
  return { name: `the core ${name}`, options: { mutation: { core: rules } }, noticedBy };
}

function genericTable(
  name: string,
  change: (table: GenericPageTable) => Partial<GenericPageTable>,
  noticedBy: readonly string[],
): Flip {
  const wrapTable = (table: PageTable): PageTable =>
    table.driver === 'generic-pt' ? override(table, change(table)) : table;
  return { name, options: { mutation: { wrapTable } }, noticedBy };
}

function ioTable(
  name: string,
  change: (table: IoPageTable) => Partial<IoPageTable>,
  noticedBy: readonly string[],
): Flip {
  const wrapTable = (table: PageTable): PageTable =>
    table.driver === 'io-pgtable' ? override(table, change(table)) : table;
  return { name, options: { mutation: { wrapTable } }, noticedBy };
}

/** The same table with some methods replaced. */
function override<T extends PageTable>(table: T, methods: Partial<T>): T {
  return new Proxy(table, {
    get(target, name) {
      if (name in methods) return Reflect.get(methods, name);
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Length of the mapped run that begins at `iova`, up to `limit`, by asking page for page. */
function mappedFrom(table: PageTable, iova: number, limit: number): number {
  let size = 0;
  while (size < limit && table.iovaToPhys(iova + size) !== 0) size += 0x1000;
  return size;
}

/** Whether an unmap of the range would end in the middle of a leaf: the next page follows on in memory. */
function cutsLeaf(table: PageTable, iova: number, size: number): boolean {
  const last = table.iovaToPhys(iova + size - 1);
  return last !== 0 && table.iovaToPhys(iova + size) === last + 1;
}

function refusesParts(table: GenericPageTable): Partial<GenericPageTable> {
  return {
    unmapRange: (iova, size, gather) =>
      cutsLeaf(table, iova, size) ? 0 : table.unmapRange(iova, size, gather),
  };
}

function returnsRequest(table: GenericPageTable): Partial<GenericPageTable> {
  return { unmapRange: (iova, size, gather) => Math.min(size, table.unmapRange(iova, size, gather)) };
}

function skipsHoles(table: GenericPageTable): Partial<GenericPageTable> {
  return {
    unmapRange: (iova, size, gather) => {
      for (let at = iova; at < iova + size; at += 0x1000) {
        if (table.iovaToPhys(at) !== 0) table.unmapRange(at, 0x1000, gather);
      }
      return size;
    },
  };
}

function takesFromTheMiddle(table: GenericPageTable): Partial<GenericPageTable> {
  return {
    unmapRange: (iova, size, gather) => {
      const done = table.unmapRange(iova, size, gather);
      if (done > 0 || table.iovaToPhys(iova) === 0) return done;
      const start = iova - (iova % 0x200000);
      table.unmapRange(start, 0x200000, gather);
      return size;
    },
  };
}

function stopsAtHoles(table: IoPageTable): Partial<IoPageTable> {
  return {
    unmapPages: (iova, pageSize, pageCount, gather) => {
      const mapped = mappedFrom(table, iova, pageSize * pageCount);
      if (mapped === pageSize * pageCount) return table.unmapPages(iova, pageSize, pageCount, gather);
      return mapped === 0 ? 0 : table.unmapPages(iova, 0x1000, mapped / 0x1000, gather);
    },
  };
}

function refusesReplacement(table: IoPageTable): Partial<IoPageTable> {
  return {
    mapPages: (iova, phys, pageSize, pageCount, prot, result) => {
      for (let at = iova; at < iova + pageSize * pageCount; at += 0x1000) {
        if (table.iovaToPhys(at) !== 0) {
          result.error = -EEXIST;
          return;
        }
      }
      table.mapPages(iova, phys, pageSize, pageCount, prot, result);
    },
  };
}

import type { CheckContext } from '../../../src/checks/check.ts';
import { inTurn } from '../../../src/checks/in-turn.ts';
import { kernelPageTableUnlinkOrder } from '../../../src/checks/kernel-page-table-unlink-order.ts';
import { staleKernelPageTable } from '../../../src/checks/stale-kernel-page-table.ts';
import type { Incident } from '../../../src/findings/incident.ts';
import type { Moment } from '../../../src/kernel/moment.ts';
import { silentEvents } from '../../../src/kernel/silent-events.ts';
import type { PgtableFreeDesign } from '../../../src/machine/kernel-tables/freeing-designs.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { KernelTablePlayer } from '../../../src/machine/random/kernel-table-player.ts';
import type { KernelTableOperation } from '../../../src/machine/random/kernel-table-program.ts';
import { Shadow } from '../../../src/shadow/shadow.ts';
import { toAll } from '../../../src/simulate.ts';

/** What a run has shown; the lists should be empty. */
export interface MeasuredTables {
  /** Frees of a table that a device may have had cached, and of which no finding tells. */
  readonly missed: readonly string[];
  /** Findings about a table that no device could have cached any more. */
  readonly falseAlarms: readonly string[];
  /** Walks through a freed table, by the truth, of whose page no finding tells. */
  readonly unexplained: readonly string[];
  /** Findings by rule. */
  readonly findings: ReadonlyMap<string, number>;
  /** Tables that were freed, and those that a device may have had cached then. */
  readonly frees: number;
  readonly exposed: number;
  readonly badAccesses: number;
}

/** When each binding was bound, or was told last to forget the kernel's half. */
interface Exposure {
  readonly device: number;
  readonly mm: number;
  cleanSince: number;
}

/** A table page that went back to the allocator. */
interface TableFree {
  readonly pfn: number;
  readonly timeNs: number;
  readonly isExposed: boolean;
  /** The entry that leads to it is not cleared yet: the rule about the order tells of it when that is. */
  readonly isLinked: boolean;
  /** Or it is a later owner's, of a page that was unlinked too late: that was told of when the table was freed. */
  readonly isTable: boolean;
}

/**
 * Which tables a device may have cached when they are freed: the definition, binding by binding. A binding has read
 * entries since it was bound, or since an invalidation began that was complete; those of a table as long as the table was
 * linked.
 */
function exposures() {
  const bindings: Exposure[] = [];
  const unlinkedAt = new Map<number, number>();
  const givenUp = new Set<number>();
  const frees: TableFree[] = [];
  const free = new Set<number>();
  const invalidating = new Map<number, number>();
  const events = {
    ...silentEvents,
    svaBind: (at: Moment, device: number, mm: number) =>
      void bindings.push({ device, mm, cleanSince: at.timeNs }),
    svaUnbind(_at: Moment, device: number, mm: number) {
      const index = bindings.findIndex(binding => binding.device === device && binding.mm === mm);
      bindings.splice(index, 1);
    },
    svaInvalidateBegin: (at: Moment) => void invalidating.set(at.context, at.timeNs),
    svaInvalidateEnd(at: Moment) {
      const begun = invalidating.get(at.context) ?? 0;
      for (const binding of bindings) binding.cleanSince = Math.max(binding.cleanSince, begun);
    },
    kernelTableUnlink(at: Moment, pfn: number) {
      // Of a page that is free already, the order was wrong, and that is told of.
      if (!free.has(pfn)) unlinkedAt.set(pfn, at.timeNs);
    },
    pageAlloc: (_at: Moment, pfn: number) => void free.delete(pfn),
    kernelTableFree: (_at: Moment, pfn: number) => void givenUp.add(pfn),
    pageFree(at: Moment, pfn: number) {
      // A page that was unlinked after its reuse is a danger to its next owner as well.
      free.add(pfn);
      const isTable = givenUp.delete(pfn);
      if (!isTable && !unlinkedAt.has(pfn)) return;
      const unlinked = unlinkedAt.get(pfn);
      unlinkedAt.delete(pfn);
      const isExposed = bindings.some(({ cleanSince }) => cleanSince < (unlinked ?? at.timeNs));
      frees.push({ pfn, timeNs: at.timeNs, isExposed, isLinked: unlinked === undefined, isTable });
    },
  };
  return { events, frees };
}

/** The two rules with a shadow of their own, and each incident apart. */
function rules(machine: Machine) {
  const incidents: Incident[] = [];
  const shadow = new Shadow({ pageSize: 4096, accounting: 'exact', changes: {} as never });
  const context = {
    shadow,
    capabilities: machine.capabilities,
    names: machine.names,
    findings: { report: (incident: Incident) => void incidents.push(incident) },
  } as unknown as CheckContext;
  const checks = [staleKernelPageTable, kernelPageTableUnlinkOrder].map(check => check.create(context));
  return { incidents, events: inTurn(checks, shadow) };
}

/** Plays a program and compares what the rules say with what the machine knows. */
export function measureKernelTables(
  program: readonly KernelTableOperation[],
  design: PgtableFreeDesign,
  seed: number,
): MeasuredTables {
  const machine = new Machine({
    iommu: 'x86',
    seed,
    pgtableFree: design,
    memoryBytes: 4 << 20,
    sanitizer: 'off',
    logLimit: 0,
  });
  const player = new KernelTablePlayer(machine);
  const truth = exposures();
  const { incidents, events } = rules(machine);
  machine.tellTo(toAll([truth.events, events]));
  player.play(program);

  const stale = incidents.filter(({ rule }) => rule.id === 'stale-kernel-page-table');
  const order = incidents.filter(({ rule }) => rule.id === 'kernel-page-table-unlink-order');
  const isTold = (pfn: number, timeNs: number): boolean =>
    stale.some(({ page, fired }) => Number(page?.pfn) === pfn && fired.at.timeNs === timeNs);
  const missed = truth.frees
    .filter(({ pfn, timeNs, isExposed }) => isExposed && !isTold(pfn, timeNs))
    .filter(
      ({ pfn, isLinked, isTable }) =>
        (isTable && !isLinked) || !order.some(({ page }) => Number(page?.pfn) === pfn),
    )
    .map(({ pfn, timeNs }) => `page ${pfn} at ${timeNs}`);
  const falseAlarms = stale
    .filter(
      ({ page, fired }) =>
        !truth.frees.some(
          ({ pfn, timeNs, isExposed }) =>
            isExposed && pfn === Number(page?.pfn) && timeNs === fired.at.timeNs,
        ),
    )
    .map(({ title, fired }) => `${title} at ${fired.at.timeNs}`);
  const toldPages = new Set([...stale, ...order].map(({ page }) => Number(page?.pfn)));
  const walks = machine.truth.bad.filter(
    ({ kind }) => kind === 'walk through a freed table' || kind === 'bit set in a freed table',
  );
  // What is read in a freed table leads on to any page; a finding is due of those that were tables themselves.
  const tables = new Set(truth.frees.map(({ pfn }) => pfn));
  const unexplained = walks
    .filter(({ pfn }) => tables.has(pfn) && !toldPages.has(pfn))
    .map(({ kind, pfn, timeNs }) => `${kind}: page ${pfn} at ${timeNs}`);
  const findings = new Map<string, number>();
  for (const { rule } of incidents) findings.set(rule.id, (findings.get(rule.id) ?? 0) + 1);
  return {
    missed,
    falseAlarms,
    unexplained,
    findings,
    frees: truth.frees.length,
    exposed: truth.frees.filter(({ isExposed }) => isExposed).length,
    badAccesses: machine.truth.badAccesses,
  };
}

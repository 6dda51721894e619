import { ALL_CHECKS } from '../../../src/checks/all-checks.ts';
import { Judge } from '../../../src/checks/judge.ts';
import type { Finding } from '../../../src/findings/finding.ts';
import { silentEvents } from '../../../src/kernel/silent-events.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { MachineError } from '../../../src/machine/machine-error.ts';
import type { PageTableFormat } from '../../../src/machine/page-tables/page-table.ts';
import { type PlayedMapping, Player } from '../../../src/machine/random/player.ts';
import type { Operation } from '../../../src/machine/random/program.ts';
import { toAll } from '../../../src/simulate.ts';
import { PerPageModel } from './per-page-model.ts';

/** What a run has shown; every list should be empty but for `unseen`. */
export interface Measured {
  /** Mappings that reached a page which changed hands, and of which no finding tells. */
  readonly missed: readonly number[];
  /** Findings that nothing true stands behind, in words. */
  readonly falseAlarms: readonly string[];
  /** Accesses to a page of another that no finding could show, by kind. */
  readonly unseen: ReadonlyMap<string, number>;
  /** Accesses to a page of another that a finding explains. */
  readonly shown: number;
  /** Counters of the sanitizer that are not those of a per-page model, or of iommusan's kernel accounting. */
  readonly wrongCounts: readonly string[];
  readonly warnings: { readonly sanitizer: number; readonly iommusan: number; readonly model: number };
  readonly findings: readonly Finding[];
  readonly accesses: number;
  /** Maps of pages that belonged to somebody else: see `Player.foreignMaps`. */
  readonly foreignMaps: number;
  /** A device has written into a page table: what the events say is not what the tables hold, so nothing is compared. */
  readonly isCorrupted: boolean;
}

const PAGE = 4096;
const PAGE_RULES = ['free-while-mapped', 'alloc-while-mapped', 'map-free-page'];
/** Rules that tell of a refused access, of lazy flushes or of what is merely worth knowing: not what is measured here. */
const NOT_MEASURED = ['fault-after-unmap', 'stale-iotlb', 'long-unmap', 'multiple-map', 'mapping-leak'];

/** Plays a program and compares what iommusan says of its events with what the machine knows. */
export function measure(program: readonly Operation[], format: PageTableFormat, seed: number): Measured {
  const machine = new Machine({
    iommu: format,
    seed,
    memoryBytes: 8 << 20,
    tellsEveryAllocation: true,
    logLimit: 0,
  });
  const judges = { exact: judgeOf(machine, 'exact'), kernel: judgeOf(machine, 'kernel') };
  const model = new PerPageModel();
  const player = new Player(machine);
  const reached = followPages(machine, player);
  machine.tellTo(toAll([reached.events, model.events, judges.exact.events, judges.kernel.events]));
  playOrDie(player, program, machine);
  const findings = judges.exact.finish(machine.clock.nowNs);

  if (machine.truth.tableWrites > 0) return corrupted(machine, player, findings);
  const told = new Set(findings.flatMap(finding => mappingsToldBy(finding, player.mappings, machine)));
  const accesses = judgeAccesses(machine, player, told);
  return {
    missed: [...reached.expected].filter(number => !told.has(number)),
    falseAlarms: falseAlarmsIn(findings, reached.expected, player, machine),
    unseen: accesses.unseen,
    shown: accesses.shown,
    wrongCounts: wrongCounts(machine, model, judges.kernel),
    warnings: {
      sanitizer: machine.sanitizer?.pageLeaks ?? 0,
      iommusan: judges.kernel.shadow.accounting.kernelWarnings ?? 0,
      model: model.warnings,
    },
    findings,
    accesses: machine.truth.accesses,
    foreignMaps: player.foreignMaps,
    isCorrupted: false,
  };
}

/** A kernel whose page tables were overwritten may end in an oops; any other error is one of the machine. */
function playOrDie(player: Player, program: readonly Operation[], machine: Machine): void {
  try {
    player.play(program);
  } catch (error) {
    if (!(error instanceof MachineError) || machine.truth.tableWrites === 0) throw error;
  }
}

function corrupted(machine: Machine, player: Player, findings: readonly Finding[]): Measured {
  return {
    missed: [],
    falseAlarms: [],
    unseen: new Map([['after a device wrote into a page table', machine.truth.badAccesses]]),
    shown: 0,
    wrongCounts: [],
    warnings: { sanitizer: 0, iommusan: 0, model: 0 },
    findings,
    accesses: machine.truth.accesses,
    foreignMaps: player.foreignMaps,
    isCorrupted: true,
  };
}

function judgeOf(machine: Machine, accounting: 'exact' | 'kernel'): Judge {
  const { names, capabilities } = machine;
  const checks = ALL_CHECKS.filter(({ rule }) => !rule.isOffByDefault && !NOT_MEASURED.includes(rule.id));
  return new Judge({ names, capabilities, pageSize: PAGE, accounting, checks });
}

/** Follows which mappings reach a page when it changes hands, by asking the machine's page tables themselves. */
function followPages(machine: Machine, player: Player) {
  /** Numbers of mappings of which a finding must tell. */
  const expected = new Set<number>();
  /** Mappings of which an event has told, by the event's place: one is made before its event. */
  const changed = (pfn: number, order: number): void => {
    const from = pfn * PAGE;
    const to = from + 2 ** order * PAGE;
    for (const mapping of player.mappings) {
      for (let at = 0; at < mapping.size; at += PAGE) {
        const phys = mapping.domain.pageTable?.iovaToPhys(mapping.iova + at) ?? 0;
        if (phys >= from && phys < to && isTold(mapping)) {
          expected.add(mapping.number);
          break;
        }
      }
    }
  };
  const told = new Set<string>();
  const keyOf = (domain: number, iova: number): string => `${domain} ${iova}`;
  const isTold = ({ domain, iova }: PlayedMapping): boolean => told.has(keyOf(domain.id, iova));
  const events = {
    ...silentEvents,
    pageAlloc: (_at: unknown, pfn: number, order: number) => changed(pfn, order),
    pageFree: (_at: unknown, pfn: number, order: number) => changed(pfn, order),
    iommuMap: (_at: unknown, domain: number, iova: number, phys: number, size: number) => {
      told.add(keyOf(domain, iova));
      for (let page = phys; page < phys + size; page += PAGE) {
        if (machine.truth.owners.owner[page / PAGE] !== 0) continue;
        const mapping = player.mappings.findLast(known => known.domain.id === domain && known.iova === iova);
        if (mapping) expected.add(mapping.number);
        break;
      }
    },
  };
  return { expected, events };
}

/** Numbers of the mappings that a finding names: those at its IOVAs, or the map call in its story. */
function mappingsToldBy(finding: Finding, mappings: readonly PlayedMapping[], machine: Machine): number[] {
  if (!PAGE_RULES.includes(finding.rule)) return [];
  const refs = [...(finding.mapping ? [finding.mapping] : []), ...finding.otherMappings];
  const byIova = refs.flatMap(({ iova, domain }) =>
    mappings.filter(
      known =>
        machine.names.domain(known.domain.id) === domain &&
        Number(iova) >= known.iova &&
        Number(iova) < known.iova + known.size,
    ),
  );
  const byStack = finding.story
    .filter(({ role }) => role === 'mapped')
    .flatMap(({ stack }) => stack.map(({ symbol = '' }) => /^map_(\d+)$/.exec(symbol)?.[1]))
    .flatMap(number => (number === undefined ? [] : [Number(number)]));
  return [...byIova.map(({ number }) => number), ...byStack];
}

function falseAlarmsIn(
  findings: readonly Finding[],
  expected: ReadonlySet<number>,
  player: Player,
  machine: Machine,
): string[] {
  return findings
    .filter(finding => PAGE_RULES.includes(finding.rule))
    .filter(
      finding => !mappingsToldBy(finding, player.mappings, machine).some(number => expected.has(number)),
    )
    .map(({ rule, title }) => `${rule}: ${title}`);
}

/** Each access to a page of another owner is shown by a finding, or is of a kind that no event shows. */
function judgeAccesses(machine: Machine, player: Player, told: ReadonlySet<number>) {
  const unseen = new Map<string, number>();
  let shown = 0;
  for (const { kind, isStale, domain, iova } of machine.truth.bad) {
    const isWalk = kind === 'walk through a freed table' || kind === 'bit set in a freed table';
    const reason =
      isWalk || kind === 'page table' ? kind : isStale ? 'through a stale translation' : undefined;
    const known = player.mappings.some(
      mapping =>
        told.has(mapping.number) &&
        mapping.domain.id === domain &&
        iova >= mapping.iova &&
        iova < mapping.iova + mapping.size,
    );
    if (known && !isWalk) shown++;
    else {
      const what = reason ?? 'between the page tables and the event of a map';
      unseen.set(what, (unseen.get(what) ?? 0) + 1);
    }
  }
  return { unseen, shown };
}

function wrongCounts(machine: Machine, model: PerPageModel, kernel: Judge): string[] {
  const wrong: string[] = [];
  for (let pfn = 0; pfn < machine.memory.pages; pfn++) {
    const count = machine.sanitizer?.refs[pfn] ?? 0;
    const modelled = model.count(pfn);
    const followed = kernel.shadow.accounting.mappingsOf(pfn);
    if (count !== modelled || count !== followed) {
      wrong.push(`page ${pfn}: sanitizer ${count}, model ${modelled}, iommusan ${followed}`);
    }
  }
  return wrong;
}

import { ALL_CHECKS } from '../../../src/checks/all-checks.ts';
import { Judge } from '../../../src/checks/judge.ts';
import type { Finding } from '../../../src/findings/finding.ts';
import type { DmaDebugClass, DmaDebugError } from '../../../src/machine/dma-api/dma-debug.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { DmaPlayer, type DmaProgramOptions } from '../../../src/machine/random/dma-player.ts';

/** iommusan's rules for the complaints of dma-debug that both count call by call. */
const RULES: readonly (readonly [classes: readonly DmaDebugClass[], rules: readonly string[]])[] = [
  [['overlapping cache lines'], ['dma-overlap']],
  [
    ['free not allocated', 'free invalid address'],
    ['dma-unmap-unknown', 'dma-wrong-device'],
  ],
  [['different size'], ['dma-wrong-size']],
  [['wrong function'], ['dma-wrong-function']],
  [['different sg entries'], ['dma-wrong-sg']],
  [['different direction'], ['dma-wrong-direction']],
  [['different attributes'], ['dma-wrong-attrs']],
  [['sync not allocated'], ['dma-sync-unmapped', 'dma-sync-range']],
  [['sync different direction'], ['dma-sync-direction']],
];

/** What both say of a program, side by side. */
export interface Compared {
  /** Classes in which they differ, in words. */
  readonly differences: readonly string[];
  readonly complaints: number;
  /** How often dma-debug complained of what. */
  readonly byClass: Readonly<Partial<Record<DmaDebugClass, number>>>;
  readonly deadUnmaps: number;
  readonly findings: readonly Finding[];
}

/** Plays a program on the DMA API and compares iommusan with dma-debug and with the truth of each unmap. */
export function compareWithDmaDebug(seed: number, options: DmaProgramOptions): Compared {
  const machine = new Machine({ seed, memoryBytes: 8 << 20, logLimit: 0, dmaCacheAlignment: 64 });
  const judge = new Judge({
    names: machine.names,
    capabilities: machine.capabilities,
    pageSize: 4096,
    accounting: 'exact',
    checks: ALL_CHECKS.filter(({ rule }) => !rule.isOffByDefault || rule.id === 'dma-overlap'),
  });
  machine.tellTo(judge.events);
  new DmaPlayer(machine, seed).play(options);
  const findings = judge.finish(machine.clock.nowNs);
  const { errors } = machine.dmaDebug;
  const differences: string[] = [];
  for (const [kinds, rules] of RULES) {
    // dma-debug complains of each segment of a scatterlist, iommusan of the call.
    const said = errors.filter(error => kinds.includes(error.kind) && error.segment === 0).length;
    const found = countOf(findings, rules);
    if (said !== found) differences.push(`${kinds.join()}: dma-debug ${said}, iommusan ${found}`);
  }
  // Both are said beside the different direction, which iommusan tells of once.
  const directions = errors.filter(({ kind }) => kind === 'sync different direction').length;
  const ways = errors.filter(
    ({ kind }) => kind === 'sync read-only for cpu' || kind === 'sync write-only to device',
  ).length;
  if (ways > directions) differences.push(`syncs the wrong way: ${ways} of ${directions} other directions`);
  // dma-debug says it once per unbind and again of what was left earlier; iommusan once for each mapping.
  const said = devicesOf(
    errors.filter(({ kind }) => kind === 'pending at unbind').map(({ device }) => device),
  );
  const found = devicesOf(
    findings.filter(({ rule }) => rule === 'unbind-leak').map(({ device = '' }) => device),
  );
  const translated = said.filter(device => machine.device(device).usesDmaIommu);
  // An unmap with too small a size ends dma-debug's entry, but not all of the mapping: what is left is a leak all the same.
  const shortened = errors.filter(({ kind }) => kind === 'different size').map(({ device }) => device);
  const beyond = found.filter(device => !translated.includes(device));
  if (
    translated.some(device => !found.includes(device)) ||
    beyond.some(device => !shortened.includes(device))
  ) {
    differences.push(`pending at unbind: dma-debug ${translated.join()}, iommusan ${found.join()}`);
  }
  const dead = machine.truth.deadUnmaps.length;
  const told = countOf(findings, ['unmap-after-unbind']);
  if (dead !== told) differences.push(`unmaps through dead ops: truth ${dead}, iommusan ${told}`);
  return { differences, byClass: countsOf(errors), complaints: errors.length, deadUnmaps: dead, findings };
}

function countOf(findings: readonly Finding[], rules: readonly string[]): number {
  return findings.filter(({ rule }) => rules.includes(rule)).reduce((sum, { count }) => sum + count, 0);
}

function countsOf(errors: readonly DmaDebugError[]): Partial<Record<DmaDebugClass, number>> {
  const counts: Partial<Record<DmaDebugClass, number>> = {};
  for (const { kind } of errors) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function devicesOf(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

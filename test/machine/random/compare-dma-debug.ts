import { ALL_CHECKS } from '../../../src/checks/all-checks.ts';
import { Judge } from '../../../src/checks/judge.ts';
import type { Finding } from '../../../src/findings/finding.ts';
import type { DmaDebugClass } from '../../../src/machine/dma-api/dma-debug.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { DmaPlayer, type DmaProgramOptions } from '../../../src/machine/random/dma-player.ts';

/** iommusan's rules for each complaint of dma-debug that both count call by call. */
const RULES: Readonly<Record<Exclude<DmaDebugClass, 'pending at unbind'>, readonly string[]>> = {
  'free not allocated': ['dma-unmap-unknown', 'dma-wrong-device'],
  'different size': ['dma-wrong-size'],
  'wrong function': ['dma-wrong-function'],
  'different sg entries': ['dma-wrong-sg'],
  'different direction': ['dma-wrong-direction'],
  'different attributes': ['dma-wrong-attrs'],
  'sync not allocated': ['dma-sync-unmapped'],
  'sync outside range': ['dma-sync-range'],
  'sync different direction': ['dma-sync-direction'],
};

/** What both say of a program, side by side. */
export interface Compared {
  /** Classes in which they differ, in words. */
  readonly differences: readonly string[];
  readonly complaints: number;
  readonly deadUnmaps: number;
  readonly findings: readonly Finding[];
}

/** Plays a program on the DMA API and compares iommusan with dma-debug and with the truth of each unmap. */
export function compareWithDmaDebug(seed: number, options: DmaProgramOptions): Compared {
  const machine = new Machine({ seed, memoryBytes: 8 << 20, logLimit: 0 });
  const judge = new Judge({
    names: machine.names,
    capabilities: machine.capabilities,
    pageSize: 4096,
    accounting: 'exact',
    checks: ALL_CHECKS.filter(({ rule }) => !rule.isOffByDefault),
  });
  machine.tellTo(judge.events);
  new DmaPlayer(machine, seed).play(options);
  const findings = judge.finish(machine.clock.nowNs);
  const { errors } = machine.dmaDebug;
  const differences: string[] = [];
  for (const [kind, rules] of Object.entries(RULES)) {
    // dma-debug complains of each segment of a scatterlist, iommusan of the call.
    const said = errors.filter(error => error.kind === kind && error.segment === 0).length;
    const found = countOf(findings, rules);
    if (said !== found) differences.push(`${kind}: dma-debug ${said}, iommusan ${found}`);
  }
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
  return { differences, complaints: errors.length, deadUnmaps: dead, findings };
}

function countOf(findings: readonly Finding[], rules: readonly string[]): number {
  return findings.filter(({ rule }) => rules.includes(rule)).reduce((sum, { count }) => sum + count, 0);
}

function devicesOf(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

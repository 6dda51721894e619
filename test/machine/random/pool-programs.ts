import type { Finding } from '../../../src/findings/finding.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { PAGE_POOL_DESIGNS } from '../../../src/machine/page-pool/designs.ts';
import { PoolPlayer } from '../../../src/machine/random/pool-player.ts';
import { judgeOf } from '../../../src/simulate.ts';

/** Where iommusan and the truth of a program on page_pools differ, in words. */
export interface PoolMeasured {
  readonly differences: readonly string[];
  readonly findings: readonly Finding[];
  readonly truth: number;
  /** Pages that were freed behind their pool. */
  readonly freedPages: number;
}

/** Plays a program on page_pools in one of the designs and compares what iommusan says with what happened. */
export function measurePools(seed: number, operations: number, mistakes: number): PoolMeasured {
  const pagePool = PAGE_POOL_DESIGNS[seed % PAGE_POOL_DESIGNS.length] ?? 'merged';
  const machine = new Machine({ seed, pagePool, memoryBytes: 8 << 20, logLimit: 0 });
  const judge = judgeOf(machine, 'exact');
  machine.tellTo(judge.events);
  const player = new PoolPlayer(machine, seed);
  player.play(operations, mistakes);
  const findings = judge.finish(machine.clock.nowNs);
  const { unbound, freedPages, inflight } = player.happened;
  const dead = machine.truth.deadUnmaps.length;
  const differences = [
    differ('page-pool-unbind', unbound, countOf(findings, 'page-pool-unbind')),
    differ('page-pool-inflight', inflight, countOf(findings, 'page-pool-inflight')),
    differ('unmap-after-unbind', dead, countOf(findings, 'unmap-after-unbind')),
    differ(
      'page-pool-freed-page',
      Math.sign(freedPages),
      Math.sign(countOf(findings, 'page-pool-freed-page')),
    ),
  ].flat();
  return { differences, findings, truth: unbound + inflight + dead + freedPages, freedPages };
}

function differ(rule: string, happened: number, found: number): string[] {
  return happened === found ? [] : [`${rule}: happened ${happened} times, found ${found}`];
}

function countOf(findings: readonly Finding[], rule: string): number {
  return findings.filter(finding => finding.rule === rule).reduce((sum, { count }) => sum + count, 0);
}

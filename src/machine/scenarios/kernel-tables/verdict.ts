import type { PgtableFreeDesign } from '../../kernel-tables/freeing-designs.ts';
import type { Machine } from '../../machine.ts';
import type { Expected } from '../scenario.ts';

/** Accesses through a table that was freed, by design; designs that are not named have none. */
export type BadByDesign = Readonly<Partial<Record<PgtableFreeDesign, number>>>;

/**
 * What a scenario of kernel page tables comes to in the design of the machine.
 *
 * @param rules that tell of it where an access is bad
 */
export function verdictOf(
  machine: Machine,
  bad: BadByDesign,
  rules: readonly string[] = ['stale-kernel-page-table'],
): Expected {
  const badAccesses = bad[machine.kernelMemory.freeing.design] ?? 0;
  return { badAccesses, findings: badAccesses > 0 ? rules : [] };
}

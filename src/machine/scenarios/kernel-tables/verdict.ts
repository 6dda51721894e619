import type { PgtableFreeDesign } from '../../kernel-tables/freeing-designs.ts';
import type { Machine } from '../../machine.ts';
import type { Expected } from '../scenario.ts';

/** Accesses through a table that was freed, by design; designs that are not named have none. */
export type BadByDesign = Readonly<Partial<Record<PgtableFreeDesign, number>>>;

/** What a scenario of kernel page tables comes to in the design of the machine. */
export function verdictOf(machine: Machine, bad: BadByDesign): Expected {
  return { badAccesses: bad[machine.kernelMemory.freeing.design] ?? 0 };
}

import { describe, expect, it } from 'vitest';
import { SCENARIOS } from '../../src/machine/scenarios/all-scenarios.ts';
import { expectedIn } from '../../src/machine/scenarios/scenario.ts';
import { simulate } from '../../src/simulate.ts';

/** How kernel page tables are freed: at once, as the mails of 2025 proposed it, and as Linux 7.2 does. */
const DESIGNS = ['immediate', 'v3', 'inline', 'merged'] as const;

const KERNEL_TABLE_RULES = ['stale-kernel-page-table', 'kernel-page-table-unlink-order'];

const CASES = SCENARIOS.filter(({ id }) => /^K\d/.test(id)).flatMap(scenario =>
  DESIGNS.map(pgtableFree => ({ id: scenario.id, title: scenario.title, scenario, pgtableFree })),
);

describe('the rules of kernel page tables and the truth of the machine', () => {
  it.each(CASES)('agree on $id $title ($pgtableFree)', async ({ scenario, pgtableFree }) => {
    const { machine, findings } = await simulate(scenario, { pgtableFree, iommu: 'x86' });
    const isBad = machine.truth.badAccesses > 0;
    const told = findings.filter(({ rule }) => KERNEL_TABLE_RULES.includes(rule));
    expect(isBad).toBe((expectedIn(scenario, machine).badAccesses ?? 0) > 0);
    // Of K14 no event tells: one process of many is forgotten within an invalidation that is complete otherwise.
    if (scenario.id === 'K14') return;
    // In K11 the device is gone before it looks: freed too early all the same, where it is freed at once.
    expect(told.length > 0).toBe(isBad || (scenario.id === 'K11' && pgtableFree === 'immediate'));
  });
});

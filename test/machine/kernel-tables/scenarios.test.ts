import { describe, expect, it } from 'vitest';
import { PGTABLE_FREE_DESIGNS } from '../../../src/machine/kernel-tables/freeing-designs.ts';
import { VMALLOC_START } from '../../../src/machine/kernel-tables/layout.ts';
import { k13 } from '../../../src/machine/scenarios/kernel-tables/k13-where-the-flush-begins.ts';
import { KERNEL_TABLE_SCENARIOS } from '../../../src/machine/scenarios/kernel-tables/kernel-table-scenarios.ts';
import { runOn, stageFor } from '../../../src/machine/scenarios/run-scenario.ts';

describe.each(PGTABLE_FREE_DESIGNS)('kernel page tables, %s', pgtableFree => {
  it.each(KERNEL_TABLE_SCENARIOS)('$id $title', scenario => {
    const stage = stageFor(scenario, { pgtableFree });
    expect(runOn(stage, scenario)).toEqual([]);
  });
});

describe('where the invalidation begins', () => {
  it('matters for tables below', () => {
    const stage = stageFor(k13, { kvaInvalidateFrom: VMALLOC_START });
    k13.run(stage);
    expect(stage.machine.truth.badAccesses).toBe(3);
  });
});

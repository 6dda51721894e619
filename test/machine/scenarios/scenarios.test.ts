import { describe, expect, it } from 'vitest';
import { SCENARIOS } from '../../../src/machine/scenarios/all-scenarios.ts';
import { formatsOf } from '../../../src/machine/scenarios/run-scenario.ts';
import { expectedIn } from '../../../src/machine/scenarios/scenario.ts';
import { simulate } from '../../../src/simulate.ts';

const CASES = SCENARIOS.flatMap(scenario =>
  formatsOf(scenario).map(format => ({ ...scenario, scenario, format })),
);

describe('the scenarios', () => {
  it.each(CASES)('$id $title ($format)', async ({ scenario, format }) => {
    const { differences, findings, steps, machine } = await simulate(scenario, { iommu: format });
    expect(differences).toEqual([]);
    const expected = expectedIn(scenario, machine).findings ?? [];
    const rules = findings.map(({ rule }) => rule);
    // A scenario lets its device try what it may no longer do, to show that it is refused: that is told of, too.
    expect(rules.filter(rule => rule !== 'fault-after-unmap' || expected.includes(rule))).toEqual(expected);
    if (rules.includes('fault-after-unmap')) {
      expect(steps.map(({ returned }) => returned)).toContainEqual(expect.stringMatching(/^fault: /));
    }
  });
});

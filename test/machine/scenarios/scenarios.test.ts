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
    const { differences, findings } = await simulate(scenario, { iommu: format });
    expect(differences).toEqual([]);
    expect(findings.map(({ rule }) => rule)).toEqual(expectedIn(scenario, format).findings ?? []);
  });
});

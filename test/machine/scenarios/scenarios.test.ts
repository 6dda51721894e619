import { describe, expect, it } from 'vitest';
import { SCENARIOS } from '../../../src/machine/scenarios/all-scenarios.ts';
import { formatsOf, runOn, stageFor } from '../../../src/machine/scenarios/run-scenario.ts';

const CASES = SCENARIOS.flatMap(scenario => formatsOf(scenario).map(format => ({ ...scenario, scenario, format })));

describe('the scenarios of IOMMU_DEBUG_PAGEALLOC', () => {
  it.each(CASES)('$id $title ($format)', ({ scenario, format }) => {
    expect(runOn(stageFor(scenario, { iommu: format }), scenario)).toEqual([]);
  });
});

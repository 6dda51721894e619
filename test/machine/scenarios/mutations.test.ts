import { describe, expect, it } from 'vitest';
import { CORE_RULES } from '../../../src/machine/iommu/context.ts';
import { rulesOf } from '../../../src/machine/sanitizer/rules.ts';
import { SCENARIOS } from '../../../src/machine/scenarios/all-scenarios.ts';
import { formatsOf, runOn, stageFor } from '../../../src/machine/scenarios/run-scenario.ts';
import type { Scenario } from '../../../src/machine/scenarios/scenario.ts';
import { FLIPS, type Flip } from './mutations.ts';

function scenario(id: string): Scenario {
  const found = SCENARIOS.find(known => known.id === id);
  if (!found) throw new Error(`no scenario ${id}`);
  return found;
}

/** Formats in which the scenario does not come out as it should when the rule is turned over. */
function noticedIn(flip: Flip, which: Scenario): string[] {
  return formatsOf(which).filter(format => {
    const stage = stageFor(which, { ...flip.options, iommu: format });
    flip.sabotage?.(stage.machine);
    try {
      return runOn(stage, which).length > 0;
    } catch {
      return true;
    }
  });
}

describe('a scenario fails when its rule is broken', () => {
  const cases = FLIPS.flatMap(flip => flip.noticedBy.map(id => ({ name: flip.name, flip, id })));
  it.each(cases)('$id notices that $name', ({ flip, id }) => {
    expect(noticedIn(flip, scenario(id))).not.toEqual([]);
  });

  it('every scenario has a rule that it notices', () => {
    const noticing = new Set(FLIPS.flatMap(({ noticedBy }) => noticedBy));
    expect(SCENARIOS.map(({ id }) => id).filter(id => !noticing.has(id))).toEqual([]);
  });

  it('every rule of the sanitizer and of the core is noticed by some scenario', () => {
    const flipped = FLIPS.flatMap(({ options }) => [
      ...Object.keys(options?.mutation?.sanitizer ?? {}),
      ...Object.keys(options?.mutation?.core ?? {}),
    ]);
    const rules = [...Object.keys(rulesOf('merged') ?? {}), ...Object.keys(CORE_RULES)];
    expect(rules.filter(rule => !flipped.includes(rule))).toEqual([]);
  });
});

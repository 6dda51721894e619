import { Machine } from '../machine.ts';
import type { MachineOptions } from '../options.ts';
import type { PageTableFormat } from '../page-tables/page-table.ts';
import { expectedIn, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';

/** Formats in which a scenario happens. */
export function formatsOf(scenario: Scenario): readonly PageTableFormat[] {
  return scenario.formats ?? ['vtd', 'arm-lpae', 'amdv1', 'x86'];
}

/** Enough for every scenario; a larger memory takes longer to be made than a scenario to play. */
const MEMORY_BYTES = 16 << 20;

/** Puts up a stage for a scenario; {@link runOn} lets it play. */
export function stageFor(scenario: Scenario, options: MachineOptions = {}): Stage {
  const format = options.iommu ?? (formatsOf(scenario)[0] as PageTableFormat);
  const table = { ...scenario.machine?.table, ...options.table };
  return new Stage(
    new Machine({ memoryBytes: MEMORY_BYTES, ...scenario.machine, ...options, iommu: format, table }),
  );
}

/**
 * Lets a scenario play.
 *
 * @returns what is not as the scenario says, in words; empty where all is. Meaningful for the sanitizer as merged.
 */
export function runOn(stage: Stage, scenario: Scenario): string[] {
  scenario.run(stage);
  const { machine } = stage;
  const { log = {}, refs = {}, badAccesses = 0, deadUnmaps = 0 } = expectedIn(scenario, machine);
  const wrong = stage.surprises.map(
    ({ step, page, expected, actual }) => `after step ${step} ${page} counts ${actual}, not ${expected}`,
  );
  for (const { name } of stage.named) {
    const expected = refs[name] ?? '0';
    const actual = stage.refsOf(name);
    if (actual !== expected) wrong.push(`in the end ${name} counts ${actual}, not ${expected}`);
  }
  const sites = new Set([...Object.keys(log), ...machine.log.lines.map(({ site }) => site)]);
  for (const site of sites) {
    const expected = log[site] ?? 0;
    const actual = machine.log.countFrom(site);
    if (actual !== expected) wrong.push(`${site} printed ${actual} lines, not ${expected}`);
  }
  if (machine.truth.badAccesses !== badAccesses) {
    wrong.push(`${machine.truth.badAccesses} accesses reached a page of another, not ${badAccesses}`);
  }
  if (machine.truth.deadUnmaps.length !== deadUnmaps) {
    wrong.push(`${machine.truth.deadUnmaps.length} unmaps went through dead ops, not ${deadUnmaps}`);
  }
  return wrong;
}

import { describe, expect, it } from 'vitest';
import type { CheckReport } from '../../../src/findings/check-report.ts';
import type { Finding, StoryRole } from '../../../src/findings/finding.ts';
import type { Setup } from './setups.ts';
import type { Stage } from './stage.ts';

/** Functions of the module on the stack of the event that plays a role in a finding. */
export function ownFunctions(finding: Finding, role: StoryRole): string[] {
  const event = finding.story.find(candidate => candidate.role === role);
  return (event?.stack ?? []).flatMap(({ symbol, module }) =>
    // The compiler adds to the names of functions that it has changed.
    module === 'lifetime' && symbol !== undefined ? [symbol.replace(/\..*/, '')] : [],
  );
}

/**
 * Calls that a kprobe has missed, as the report says: one that an interrupt makes within the handler of another probe is
 * skipped by the kernel (`nmissed`). No size of buffers helps.
 */
export function missedByProbes({ notes }: CheckReport): number {
  return notes.reduce(
    (sum, note) => sum + Number(/^The kernel has missed (\d+) call/.exec(note)?.[1] ?? 0),
    0,
  );
}

/** The one finding of a rule. */
function findingOf({ findings }: CheckReport, rule: string): Finding {
  expect(findings.map(finding => finding.rule)).toContain(rule);
  return findings.find(finding => finding.rule === rule) as Finding;
}

type WrongDriver = [scenario: string, rule: string, ...roles: StoryRole[]];

/** The scenarios that are mistakes on a kernel and IOMMU, and the stacks that name their function. */
function wrongDrivers({ overUnmap, mapOver }: Setup): WrongDriver[] {
  const drivers: WrongDriver[] = [
    ['free_while_mapped', 'free-while-mapped', 'freed', 'mapped'],
    ['double_map', 'free-while-mapped', 'freed', 'mapped'],
  ];
  if (overUnmap === 'whole')
    drivers.push(['over_unmap', 'unmap-larger-than-requested', 'unmapped', 'mapped']);
  if (mapOver === 'made') drivers.push(['map_over_live', 'map-over-live', 'mapped over', 'mapped']);
  return drivers;
}

/** What the job `drivers` must show on any kernel and IOMMU. */
export function expectDrivers(setup: Setup, stage: () => Stage): void {
  describe('a correct workload', () => {
    it('has no finding, and no buffer has lost an event', async () => {
      const report = await stage().check('correct.dat');
      expect(stage().step('correct').status).toBe(0);
      expect(report.findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
      expect(report.lost.events - missedByProbes(report)).toBe(0);
      expect(report.lost.uncountedGaps).toBe(0);
      expect(report.accounting.mappingsMade).toBeGreaterThan(100);
    });
  });

  describe('a wrong driver', () => {
    it.each(wrongDrivers(setup))(
      'is found in %s: %s, with driver, device and both stacks',
      async (scenario, rule, ...roles) => {
        const finding = findingOf(await stage().check(`${scenario}.dat`), rule);
        expect(finding).toMatchObject({
          certainty: 'certain',
          driver: 'lifetime',
          device: stage().text('edu').trim(),
        });
        for (const role of roles) expect(ownFunctions(finding, role)).toContain(scenario);
      },
    );

    it('is found to free a page that was handed out with others, whose allocation is told where it can be', async () => {
      const finding = findingOf(await stage().check('bulk.dat'), 'free-while-mapped');
      expect(finding).toMatchObject({ driver: 'lifetime', device: stage().text('edu').trim() });
      expect(ownFunctions(finding, 'freed')).toContain('bulk');
      const allocated = ownFunctions(finding, 'allocated');
      if (setup.bulkAlloc) expect(allocated).toContain('bulk');
      else expect(allocated).toEqual([]);
    });

    it('is not accused of what the kernel has refused or made right', async () => {
      const harmless = ['over_unmap', 'map_over_live'].filter(
        scenario => !wrongDrivers(setup).some(([name]) => name === scenario),
      );
      for (const scenario of harmless) {
        const { findings } = await stage().check(`${scenario}.dat`);
        expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
      }
    });

    it('is found when it leaves a mapping behind, and the command says so', async () => {
      const finding = findingOf(await stage().check('leak.dat'), 'unbind-leak');
      expect(finding).toMatchObject({ driver: 'lifetime', device: stage().text('edu').trim() });
      expect(ownFunctions(finding, 'mapped')).toContain('leak');
      const { output, status } = stage().step('leak');
      expect(output).toContain('ERROR: unbind-leak:');
      expect(status).toBe(1);
    });
  });
}

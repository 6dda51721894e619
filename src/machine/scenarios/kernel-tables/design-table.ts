import { hex } from '../../../kernel/units.ts';
import { PGTABLE_FREE_DESIGNS, type PgtableFreeDesign } from '../../kernel-tables/freeing-designs.ts';
import type { BadAccess } from '../../truth/truth.ts';
import { stageFor } from '../run-scenario.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { KERNEL_TABLE_SCENARIOS } from './kernel-table-scenarios.ts';

/** What a scenario came to in one design. */
interface Outcome {
  readonly scenario: Scenario;
  readonly design: PgtableFreeDesign;
  /** The accesses that reached what they should not; empty where the design survives. */
  readonly bad: readonly string[];
}

/**
 * Which design survives which scenario of kernel page tables, as Markdown: a table, and below it for each failure the
 * accesses that prove it.
 */
export function designTable(): string {
  const outcomes = KERNEL_TABLE_SCENARIOS.flatMap(scenario =>
    PGTABLE_FREE_DESIGNS.map(design => outcomeOf(scenario, design)),
  );
  const rows = KERNEL_TABLE_SCENARIOS.map(scenario => {
    const cells = outcomes.filter(outcome => outcome.scenario === scenario);
    const marks = cells.map(({ bad }) => (bad.length === 0 ? 'survives' : `**${bad.length} bad**`));
    return `| ${scenario.id} | ${scenario.title} | ${marks.join(' | ')} |`;
  });
  return [
    `| | scenario | ${PGTABLE_FREE_DESIGNS.map(design => `\`${design}\``).join(' | ')} |`,
    `| --- | --- | ${PGTABLE_FREE_DESIGNS.map(() => '---').join(' | ')} |`,
    ...rows,
    '',
    'The accesses that prove each failure:',
    '',
    ...KERNEL_TABLE_SCENARIOS.flatMap(scenario =>
      proofs(outcomes.filter(outcome => outcome.scenario === scenario)),
    ),
  ].join('\n');
}

function outcomeOf(scenario: Scenario, design: PgtableFreeDesign): Outcome {
  const stage = stageFor(scenario, { pgtableFree: design });
  scenario.run(stage);
  return { scenario, design, bad: stage.machine.truth.bad.map(access => accessText(stage, access)) };
}

/** One line for the designs that fail in the same way. */
function proofs(outcomes: readonly Outcome[]): string[] {
  const designs = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    if (outcome.bad.length === 0) continue;
    const text = outcome.bad.join('; ');
    designs.set(text, [...(designs.get(text) ?? []), outcome]);
  }
  return [...designs].map(([text, failed]) => {
    const names = failed.map(({ design }) => `\`${design}\``).join(', ');
    return `- ${failed[0]?.scenario.id} (${names}): ${text}.`;
  });
}

function accessText(stage: Stage, { kind, device, iova, pfn, owner, isWrite }: BadAccess): string {
  const { names, owners } = stage.machine;
  const page = stage.named.find(named => named.pfn === pfn)?.name ?? `page ${hex(pfn)}`;
  const whose = owner === 0 ? 'which is free' : `which is ${owners.name(owner)}'s`;
  const who = `${names.device(device)} at ${hex(iova)}`;
  switch (kind) {
    case 'walk through a freed table':
      return `${who} takes an entry from ${page}, ${whose}`;
    case 'bit set in a freed table':
      return `sets an accessed bit in it`;
    default:
      return `${isWrite ? 'writes' : 'reads'} ${page}, ${whose}`;
  }
}

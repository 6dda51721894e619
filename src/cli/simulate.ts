import { hex } from '../kernel/units.ts';
import type { PgtableFreeDesign } from '../machine/kernel-tables/freeing-designs.ts';
import type { Machine } from '../machine/machine.ts';
import type { PagePoolDesign } from '../machine/page-pool/designs.ts';
import type { PAGE_TABLE_FORMATS, PageTableFormat } from '../machine/page-tables/page-table.ts';
import type { SanitizerDesign } from '../machine/sanitizer/rules.ts';
import { SCENARIOS } from '../machine/scenarios/all-scenarios.ts';
import { formatsOf } from '../machine/scenarios/run-scenario.ts';
import type { Scenario } from '../machine/scenarios/scenario.ts';
import type { BadAccess, DeadUnmap } from '../machine/truth/truth.ts';
import { renderScenarioList, renderSimulation, type SimulationView } from '../report/simulation.ts';
import { type Simulation, simulate } from '../simulate.ts';
import { closest } from './closest.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import { loadScenarioFile, looksLikeFile } from './scenario-file.ts';
import { type ColorMode, textWidth, wantsColor } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Options of `iommusan simulate`, as commander hands them over. */
export interface SimulateOptions {
  readonly list?: boolean;
  readonly iommu?: PageTableFormat;
  readonly sanitizer: SanitizerDesign;
  readonly pgtableFree?: PgtableFreeDesign;
  readonly pagePool?: PagePoolDesign;
  readonly lazy?: boolean;
  readonly seed: number;
  readonly output?: string;
  readonly color: ColorMode;
}

/** A story is told in columns: it uses more of a wide terminal than prose does. */
const WIDEST = 160;

/** `iommusan simulate`: lets a scenario play and tells its story. */
export async function simulateCommand(
  argument: string | undefined,
  options: SimulateOptions,
  io: Io,
): Promise<ExitCode> {
  if (options.list) {
    const lines = SCENARIOS.map(scenario => ({ ...scenario, formats: formatsOf(scenario) }));
    await write(io.stdout, renderScenarioList(lines));
    return EXIT.clean;
  }
  if (argument === undefined) throw new UsageError("name a scenario, or '--list' them.");
  const scenario = looksLikeFile(argument) ? await loadScenarioFile(argument) : scenarioCalled(argument);
  const { iommu, sanitizer, pgtableFree, pagePool, lazy = false, seed, output } = options;
  const formats = formatsOf(scenario);
  if (iommu !== undefined && !formats.includes(iommu)) {
    throw new UsageError(`${scenario.id} does not happen with ${iommu}: choose ${formats.join(', ')}.`);
  }
  const simulation = await simulate(scenario, {
    sanitizer,
    isLazy: lazy,
    seed,
    ...(iommu !== undefined && { iommu }),
    ...(pgtableFree !== undefined && { pgtableFree }),
    ...(pagePool !== undefined && { pagePool }),
    ...(output !== undefined && { output }),
  });
  // What a scenario expects is said of the sanitizer as merged, in strict mode, with its own design of page_pool.
  const isUsualPool = pagePool === undefined || pagePool === (scenario.machine?.pagePool ?? 'merged');
  const isJudged = sanitizer === 'merged' && !lazy && isUsualPool;
  const view = viewOf(simulation, options, isJudged);
  const width = io.stdout.columns ? Math.min(io.stdout.columns, WIDEST) : textWidth(io);
  await write(io.stdout, renderSimulation(view, { color: wantsColor(options.color, io), width }));
  return view.differences.length > 0 ? EXIT.findings : EXIT.clean;
}

function scenarioCalled(id: string): Scenario {
  const found = SCENARIOS.find(scenario => scenario.id.toLowerCase() === id.toLowerCase());
  if (found) return found;
  const ids = SCENARIOS.map(scenario => scenario.id);
  const like = closest(id.toUpperCase(), ids);
  throw new UsageError(
    `there is no scenario '${id}'${like === undefined ? '' : `; did you mean ${like}?`} ('--list' shows them all.)`,
  );
}

function viewOf(
  { scenario, machine, steps, differences, findings, kernelWarnings }: Simulation,
  { sanitizer, lazy = false, seed }: SimulateOptions,
  isJudged: boolean,
): SimulationView {
  const { truth } = machine;
  return {
    ...scenario,
    machine: [
      `Page tables ${machine.format} (${FORMAT_WORDS[machine.format]}), sanitizer ${sanitizer}, ${lazy ? 'lazy' : 'strict'} mode, seed ${seed}.`,
      ...(machine.pgtableFree === undefined ? [] : [FREEING_WORDS[machine.pgtableFree]]),
    ],
    steps,
    pageLeaks: machine.sanitizer?.pageLeaks ?? 0,
    kernelWarnings,
    accesses: truth.accesses,
    badAccesses: truth.bad.map(access => accessText(machine, access)),
    deadUnmaps: truth.deadUnmaps.map(unmap => deadUnmapText(machine, unmap)),
    findings,
    differences: isJudged ? differences : [],
  };
}

const FORMAT_WORDS: Readonly<Record<(typeof PAGE_TABLE_FORMATS)[number], string>> = {
  'arm-lpae': 'Arm SMMU, io-pgtable',
  vtd: 'Intel VT-d second stage, generic_pt',
  x86: 'Intel VT-d first stage, generic_pt',
  amdv1: 'AMD v1, generic_pt',
};

const FREEING_WORDS: Readonly<Record<PgtableFreeDesign, string>> = {
  immediate: 'Kernel page-table pages are freed at once (immediate).',
  v3: 'PTE pages wait for a work that invalidates and then takes the list (v3).',
  inline: 'Kernel page-table pages wait on three lists, for a work that does not invalidate (inline).',
  merged: 'Pages with PT_kernel wait for a work that takes the list, invalidates, and frees (merged).',
};

function accessText(machine: Machine, access: BadAccess): string {
  const { kind, device, iova, pfn, isWrite, isStale, owner } = access;
  const name = machine.names.device(device) ?? 'a device';
  const whose = owner === 0 ? 'which is free' : `which is ${machine.owners.name(owner)}'s now`;
  if (kind === 'walk through a freed table' || kind === 'bit set in a freed table') {
    return `${name} at ${hex(iova)}: ${kind}, page ${hex(pfn)}, ${whose}`;
  }
  const how = isStale ? ' through a stale translation' : '';
  return `${name} ${isWrite ? 'wrote' : 'read'} ${hex(iova)}${how} and reached page ${hex(pfn)}, ${whose}`;
}

function deadUnmapText(machine: Machine, { kind, device, address }: DeadUnmap): string {
  return `${machine.names.device(device)}: unmap of ${hex(address)}: ${kind}`;
}

import { DEFAULT_CHECKS } from './checks/all-checks.ts';
import { Judge } from './checks/judge.ts';
import type { AccountingMode } from './findings/check-report.ts';
import type { Finding } from './findings/finding.ts';
import type { KernelEvents } from './kernel/events.ts';
import type { Machine } from './machine/machine.ts';
import type { MachineOptions } from './machine/options.ts';
import { runOn, stageFor } from './machine/scenarios/run-scenario.ts';
import type { Scenario } from './machine/scenarios/scenario.ts';
import type { Step } from './machine/scenarios/stage.ts';
import { KernelRecorder } from './trace/write/kernel-recorder.ts';

/** What came of a scenario. */
export interface Simulation {
  readonly scenario: Pick<Scenario, 'id' | 'title' | 'story'>;
  readonly machine: Machine;
  readonly steps: readonly Step[];
  /** What is not as the scenario says, with the sanitizer as merged; empty where all is. */
  readonly differences: readonly string[];
  /** What iommusan finds in the events, by what the IOMMU can really reach. */
  readonly findings: readonly Finding[];
  /** Warnings that iommusan counts for the kernel's own sanitizer, from the events alone. */
  readonly kernelWarnings: number;
}

export interface SimulateOptions extends MachineOptions {
  /** Where to write the run as a trace.dat; not written where absent. */
  readonly output?: string;
}

/** Lets a scenario play on the simulated machine and judges it by its events, as a recording of it would be. */
export async function simulate(scenario: Scenario, options: SimulateOptions = {}): Promise<Simulation> {
  const { output, ...machineOptions } = options;
  const stage = stageFor(scenario, machineOptions);
  const { machine } = stage;
  const exact = judgeOf(machine, 'exact');
  const kernel = judgeOf(machine, 'kernel');
  const recorder =
    output === undefined
      ? undefined
      : await KernelRecorder.create(output, machine.names, { pageSize: machine.memory.pageSize });
  machine.tellTo(toAll([exact.events, kernel.events, ...(recorder ? [recorder.events] : [])]));
  try {
    const differences = runOn(stage, scenario);
    recorder?.finish(machine.capabilities);
    const { nowNs } = machine.clock;
    return {
      scenario,
      machine,
      steps: stage.steps,
      differences,
      findings: exact.finish(nowNs),
      kernelWarnings: kernel.shadow.accounting.kernelWarnings ?? 0,
    };
  } catch (error) {
    recorder?.discard();
    throw error;
  }
}

/** A judge with the rules that are on by default, for the events of a machine. */
export function judgeOf(machine: Machine, accounting: AccountingMode): Judge {
  return new Judge({
    names: machine.names,
    capabilities: machine.capabilities,
    pageSize: machine.memory.pageSize,
    accounting,
    checks: DEFAULT_CHECKS,
  });
}

/** The same events for several listeners, in their order. */
export function toAll(listeners: readonly KernelEvents[]): KernelEvents {
  const [first] = listeners;
  if (first && listeners.length === 1) return first;
  const names = new Set(listeners.flatMap(listener => Object.keys(listener))) as Set<keyof KernelEvents>;
  const all = [...names].map(name => {
    const methods = listeners.map(listener =>
      (listener[name] as (...values: unknown[]) => void).bind(listener),
    );
    return [
      name,
      (...values: unknown[]) => {
        for (const method of methods) method(...values);
      },
    ];
  });
  return Object.fromEntries(all) as KernelEvents;
}

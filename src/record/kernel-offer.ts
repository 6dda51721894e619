import { FACTS } from './facts.ts';
import type { Tracefs } from './tracefs.ts';

/** What the running kernel offers to a recording. */
export interface KernelOffer {
  /** `uname -m` */
  readonly architecture: string;
  readonly hasKprobes: boolean;
  readonly hasFprobes: boolean;
  /** Whether a probe at the return can read the arguments: Linux 6.9 and later. */
  readonly hasArgumentsAtReturn: boolean;
  /** Whether a function can be probed: it is there, once, and can be traced. */
  hasFunction(name: string): boolean;
  hasTracepoint(system: string, event: string): boolean;
  /**
   * Whether `iommu:io_page_fault` may be enabled. The SMMUv2 driver reports faults without a device, of which the event
   * then takes the name: enabled, the first fault may be an oops (drivers/iommu/arm/arm-smmu/arm-smmu.c and
   * include/trace/events/iommu.h, Linux 7.2).
   */
  readonly isFaultEventSafe: boolean;
}

/** What of the system, beside tracefs, decides which probes can be had. */
export interface SystemFacts {
  /** `uname -m` */
  readonly architecture: string;
  /** Names in /sys/class/iommu: `dmar0`, `ivhd0`, `smmu3.0x0000000009050000`. */
  readonly iommus: readonly string[];
}

/** Reads what this kernel offers. */
export function readKernelOffer(tracefs: Tracefs, system: SystemFacts): KernelOffer {
  const help = tracefs.read('README');
  const functions = traceableFunctions(tracefs.read('available_filter_functions'), functionsOfInterest());
  return {
    architecture: system.architecture,
    hasKprobes: tracefs.exists('kprobe_events'),
    hasFprobes: /^\s*f(\[maxactive\])?\[:/m.test(help) && tracefs.exists('dynamic_events'),
    hasArgumentsAtReturn: /kernel return probes support:.*\$arg<N>/.test(help),
    hasFunction: name => functions.get(name) === 1,
    hasTracepoint: (name, event) => tracefs.exists(`events/${name}/${event}/format`),
    isFaultEventSafe: system.iommus.every(name => /^(dmar|ivhd|smmu3)/.test(name)),
  };
}

function functionsOfInterest(): Set<string> {
  const ways = FACTS.flatMap(fact => fact.ways);
  return new Set([
    ...ways.flatMap(({ needsFunction }) => needsFunction ?? []),
    ...ways.flatMap(way =>
      way.sources.flatMap(source => (source.kind === 'tracepoint' ? [] : source.function)),
    ),
  ]);
}

/**
 * How often each of `wanted` stands in `available_filter_functions`. A function that the compiler has inlined is not
 * there, one that it has rebuilt with other arguments has another name (`.isra.0`), and of two with the same name nobody
 * knows which is meant.
 */
export function traceableFunctions(list: string, wanted: ReadonlySet<string>): Map<string, number> {
  const found = new Map<string, number>();
  for (let at = 0; at < list.length; ) {
    const end = list.indexOf('\n', at);
    const line = list.slice(at, end < 0 ? list.length : end);
    at = end < 0 ? list.length : end + 1;
    // `name [module]`; functions of modules are not those that are meant.
    if (wanted.has(line)) found.set(line, (found.get(line) ?? 0) + 1);
  }
  return found;
}

import type { Machine } from '../machine.ts';
import type { MachineOptions } from '../options.ts';
import type { PageTableFormat } from '../page-tables/page-table.ts';
import type { Stage } from './stage.ts';

/** What a scenario must come to, with the sanitizer as merged. */
export interface Expected {
  /** Lines of the kernel's log by the function that prints them; functions that are not named print nothing. */
  readonly log?: Readonly<Record<string, number>>;
  /** Counters of named pages at the end, as {@link Stage.refs} writes them; pages that are not named are 0. */
  readonly refs?: Readonly<Record<string, string>>;
  /** Accesses of a device that reached a page whose owner had changed. */
  readonly badAccesses?: number;
  /** DMA unmaps through ops that are not those of the map: the driver or the device is gone, or was bound again. */
  readonly deadUnmaps?: number;
  /** Rules of which iommusan reports a finding, in exact accounting. */
  readonly findings?: readonly string[];
}

/** One thing that can happen to an IOMMU and its pages, small enough to be told. */
export interface Scenario {
  /** `S12` */
  readonly id: string;
  readonly title: string;
  /** What happens and why it matters, in a sentence or two. */
  readonly story: string;
  /** Page-table formats in which it happens; default all. */
  readonly formats?: readonly PageTableFormat[];
  /** A machine other than the usual one. */
  readonly machine?: MachineOptions;
  run(stage: Stage): void;
  readonly expected: Expected | ((format: PageTableFormat, machine: Machine) => Expected);
}

/** What a scenario must come to on the machine on which it has played. */
export function expectedIn({ expected }: Scenario, machine: Machine): Expected {
  return typeof expected === 'function' ? expected(machine.format, machine) : expected;
}

/** Formats that Linux drives with generic_pt: a part of a leaf cannot be unmapped, the whole leaf goes. */
export const GENERIC_PT: readonly PageTableFormat[] = ['vtd', 'x86', 'amdv1'];

/** Formats of io-pgtable: to unmap a part of a block is refused. */
export const IO_PGTABLE: readonly PageTableFormat[] = ['arm-lpae'];

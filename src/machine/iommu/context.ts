import type { Emission } from '../events/emission.ts';
import type { KernelLog } from '../kernel-log.ts';
import type { Sanitizer } from '../sanitizer/sanitizer.ts';
import type { Costs } from '../time/costs.ts';
import type { Truth } from '../truth/truth.ts';
import type { IommuDomain } from './domain.ts';
import type { IommuUnit } from './iommu-unit.ts';

/** What the core does, one decision each, so that a test can turn one over (drivers/iommu/iommu.c, Linux 7.2). */
export interface CoreRules {
  /** A map that fails midway is undone by an unmap of what was mapped. */
  readonly undoesFailedMap: boolean;
  /** Events and sanitizer are told what was mapped, not what was asked for. */
  readonly tellsWhatWasMapped: boolean;
  /** A map whose `iotlb_sync_map` fails is undone. */
  readonly undoesUnsyncedMap: boolean;
}

export const CORE_RULES: CoreRules = {
  undoesFailedMap: true,
  tellsWhatWasMapped: true,
  undoesUnsyncedMap: true,
};

/** Faults to come, for programs that want to see what happens then. Each happens once. */
export interface Faults {
  /** The next `ops->iotlb_sync_map` fails. */
  syncMapFails: boolean;
  /** This many page tables are allocated, then one allocation fails; `undefined`: none does. */
  tableAllocFailsAfter: number | undefined;
}

/** What the IOMMU core works with. */
export interface IommuContext {
  readonly emission: Emission;
  readonly log: KernelLog;
  readonly truth: Truth;
  readonly unit: IommuUnit;
  /** `undefined` without `iommu.debug_pagealloc=1`: the static key is off. */
  readonly sanitizer: Sanitizer | undefined;
  readonly rules: CoreRules;
  readonly faults: Faults;
  readonly costs: Costs;
  /** The running thread works. */
  spend(ns: number): void;
}

/** `iommu_iova_to_phys()`: an identity domain returns the IOVA, a blocked one 0. */
export function iovaToPhys(k: IommuContext, domain: IommuDomain, iova: number): number {
  k.spend(k.costs.walk);
  if (domain.type === 'identity') return iova;
  return domain.pageTable?.iovaToPhys(iova) ?? 0;
}

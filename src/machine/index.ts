/**
 * The simulated machine as a library.
 *
 * ```ts
 * import { Machine } from 'iommusan/machine';
 * const machine = new Machine({ iommu: 'vtd', sanitizer: 'merged' });
 * const domain = machine.domainAlloc('A');
 * const page = machine.allocPages();
 * machine.call(machine.iommuMap(domain, 0x40000000, page * 4096, 4096));
 * machine.freePages(page);
 * console.log(machine.log.lines); // Detected page leak!
 * ```
 */
export * from './device/device.ts';
export type { DmaResult } from './device/dma-engine.ts';
export * from './errno.ts';
export * from './iommu/domain.ts';
export type { SgEntry } from './iommu/map-sg.ts';
export { STOP } from './iommu/stops.ts';
export * from './kernel-log.ts';
export * from './machine.ts';
export { MachineError } from './machine-error.ts';
export type * from './options.ts';
export { createPageTable, type PageTableOptions } from './page-tables/create-page-table.ts';
export * from './page-tables/iotlb-gather.ts';
export * from './page-tables/page-table.ts';
export * from './sanitizer/rules.ts';
export { SITE } from './sanitizer/sanitizer.ts';
export { SCENARIOS } from './scenarios/all-scenarios.ts';
export type { NamedPages } from './scenarios/named-pages.ts';
export * from './scenarios/places.ts';
export * from './scenarios/run-scenario.ts';
export * from './scenarios/scenario.ts';
export * from './scenarios/stage.ts';
export type { Kernel, Level, Stop, Thread, Wait } from './threads/thread.ts';
export type { BadAccess, BadAccessKind } from './truth/truth.ts';

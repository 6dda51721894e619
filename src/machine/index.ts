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
export type { CoherentBuffer, DmaApi, MappedList } from './dma-api/dma-api.ts';
export type { DmaDebugClass, DmaDebugError } from './dma-api/dma-debug.ts';
export * from './dma-iommu/dma-iommu.ts';
export * from './dma-iommu/flush-queue.ts';
export * from './dma-iommu/iova-domain.ts';
export * from './errno.ts';
export * from './iommu/domain.ts';
export type { SgEntry } from './iommu/map-sg.ts';
export { STOP } from './iommu/stops.ts';
export * from './iotlb/iommu-hardware.ts';
export * from './iotlb/walker.ts';
export * from './kernel-log.ts';
export { FREEING_STOP } from './kernel-tables/freeing.ts';
export { PGTABLE_FREE_DESIGNS, type PgtableFreeDesign } from './kernel-tables/freeing-designs.ts';
export * from './kernel-tables/kernel-memory.ts';
export * from './kernel-tables/layout.ts';
export * from './machine.ts';
export { MachineError } from './machine-error.ts';
export type * from './options.ts';
export { PAGE_POOL_DESIGNS, type PagePoolDesign } from './page-pool/designs.ts';
export type { PagePool, PagePoolOptions } from './page-pool/page-pool.ts';
export { createPageTable, type PageTableOptions } from './page-tables/create-page-table.ts';
export * from './page-tables/iotlb-gather.ts';
export * from './page-tables/page-table.ts';
export { Player } from './random/player.ts';
export * from './random/program.ts';
export * from './sanitizer/rules.ts';
export { SITE } from './sanitizer/sanitizer.ts';
export { SCENARIOS } from './scenarios/all-scenarios.ts';
export { designTable } from './scenarios/kernel-tables/design-table.ts';
export type { NamedPages } from './scenarios/named-pages.ts';
export * from './scenarios/places.ts';
export * from './scenarios/run-scenario.ts';
export * from './scenarios/scenario.ts';
export * from './scenarios/stage.ts';
export { SVA_STOP } from './sva/sva.ts';
export { UserMm } from './sva/user-mm.ts';
export type { Kernel, Level, Stop, Thread, Wait } from './threads/thread.ts';
export type { BadAccess, BadAccessKind, DeadUnmap, DeadUnmapKind } from './truth/truth.ts';
export * from './vfio/iommufd.ts';
export * from './vfio/user-memory.ts';
export * from './vfio/vfio-type1.ts';

import { IOMMU_PROT_MMIO } from '../kernel/dma.ts';
import { PROT_UNKNOWN } from '../kernel/events.ts';
import type { Shadow } from '../shadow/shadow.ts';

/**
 * Whether a mapping is one that the IOMMU core makes for the life of a domain: a reserved region, mapped to itself
 * (`iommu_create_device_direct_mappings()`), or an MSI doorbell (`iommu_dma_get_msi_page()`). No driver unmaps these.
 */
export function isFixedMapping(shadow: Shadow, id: number): boolean {
  const { mappings } = shadow;
  if (mappings.iovaPage[id] === mappings.frame[id]) return true;
  const prot = mappings.prot[id] as number;
  return prot !== PROT_UNKNOWN && (prot & IOMMU_PROT_MMIO) !== 0;
}

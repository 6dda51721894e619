/**
 * Slots in a node of the radix trees, `PageRefs` and `IovaTable`: 512, so that nodes stand for 2 MiB and
 * 1 GiB, the huge pages of every IOMMU page table.
 */
export const FAN = 512;
export const FAN_SHIFT = 9;
export const FAN_MASK = FAN - 1;

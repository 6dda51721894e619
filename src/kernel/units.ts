/**
 * The unit of all accounting is a *frame*: 4 KiB of physical memory, whatever the kernel's own page size is.
 *
 * The smallest page of every IOMMU that Linux drives is 4 KiB (`domain->pgsize_bitmap`), while the CPU's page
 * may be 4, 16 or 64 KiB. Counting in frames makes a 4 KiB mapping inside a 64 KiB page exact. Frame numbers and
 * IOVA page numbers are float64: exact for any 64-bit address, because 52 bits remain after the shift.
 */
export const FRAME_SHIFT = 12;

/** Bytes in a frame. */
export const FRAME_SIZE = 4096;

/** Frames that a byte address lies in: `Math.floor(address / 4096)`, exact for page-aligned 64-bit addresses. */
export function frameOf(address: number): number {
  return Math.floor(address / FRAME_SIZE);
}

/** Number of frames that the bytes `[address, address + size)` touch; 0 for an empty range. */
export function framesIn(address: number, size: number): number {
  if (size <= 0) return 0;
  return Math.ceil((address + size) / FRAME_SIZE) - frameOf(address);
}

/** A byte address or any other whole number as the kernel prints it: `0x1f000`. */
export function hex(value: number): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

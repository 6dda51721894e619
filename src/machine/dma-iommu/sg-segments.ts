import type { SgEntry } from '../iommu/map-sg.ts';

/** What a device takes of a scatterlist. */
export interface SegmentLimits {
  /** `dma_get_max_seg_size()` */
  readonly maxSegmentBytes: number;
  /** `dma_get_seg_boundary() + 1` */
  readonly segmentBoundary: number;
}

/** Those of a device that has set neither. */
export const DEFAULT_LIMITS: SegmentLimits = { maxSegmentBytes: 65536, segmentBoundary: 2 ** 32 };

/** What the device sees of a scatterlist: one run of DMA addresses. */
export interface SgSegment {
  address: number;
  size: number;
}

/** How a scatterlist lies in its range of IOVAs. */
export interface SgLayout {
  /** What is mapped for each entry, in whole granules, with what keeps the next from crossing a boundary. */
  readonly mapped: readonly SgEntry[];
  readonly bytes: number;
}

/** The first loop of `iommu_dma_map_sg()`: entries grow to whole granules, and are padded at segment boundaries. */
export function layOutSegments(
  list: readonly SgEntry[],
  granule: number,
  { segmentBoundary }: SegmentLimits = DEFAULT_LIMITS,
): SgLayout {
  const mapped: { phys: number; size: number }[] = [];
  let bytes = 0;
  for (const { phys, size } of list) {
    const offset = phys % granule;
    const whole = Math.ceil((offset + size) / granule) * granule;
    const toBoundary = (segmentBoundary - (bytes % segmentBoundary)) % segmentBoundary;
    const previous = mapped.at(-1);
    if (toBoundary > 0 && toBoundary < whole - 1 && previous !== undefined) {
      previous.size += toBoundary;
      bytes += toBoundary;
    }
    mapped.push({ phys: phys - offset, size: whole });
    bytes += whole;
  }
  return { mapped, bytes };
}

/** `__finalise_sg()`: entries that follow each other without a gap become one segment. */
export function segmentsOf(
  list: readonly SgEntry[],
  { mapped }: SgLayout,
  iova: number,
  { maxSegmentBytes }: SegmentLimits = DEFAULT_LIMITS,
): SgSegment[] {
  const segments: SgSegment[] = [];
  let address = iova;
  let canJoin = false;
  list.forEach(({ phys, size }, index) => {
    const { phys: start, size: whole } = mapped[index] as SgEntry;
    const offset = phys - start;
    const last = segments.at(-1);
    if (canJoin && last !== undefined && offset === 0 && maxSegmentBytes - last.size >= size) {
      last.size += size;
    } else {
      segments.push({ address: address + offset, size });
    }
    address += whole;
    // The next entry can join where this one ends with its granule.
    canJoin = offset + size === whole;
  });
  return segments;
}

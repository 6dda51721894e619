/** What a physical address leads to. */
export type RegionKind =
  /** Memory that the page allocator may hand out. */
  | 'ram'
  /** Memory that is taken at boot and never handed out; it has a `struct page` all the same. */
  | 'reserved'
  /** Memory with a `struct page`, but none that `pfn_to_online_page()` gives: a device's own, or offline. */
  | 'zone-device'
  | 'mmio'
  | 'hole';

/** A part of the physical address space, in bytes. */
export interface Region {
  readonly kind: RegionKind;
  readonly start: number;
  readonly size: number;
}

export interface PhysicalMemoryOptions {
  /** Bytes from address 0 on that the array backs; a multiple of the page size. */
  readonly sizeBytes: number;
  /** The kernel's `PAGE_SIZE`: 4096, 16384 or 65536. */
  readonly pageSize?: number;
  /** Parts that are not plain RAM. Device memory may lie beyond `sizeBytes`, the other kinds may not. */
  readonly regions?: readonly Region[];
}

/** What the bus answers where nothing lies: all ones, as a PCI read that nobody claims. */
export const BUS_ABORT = 0xffffffff;

/** Bytes per word of {@link PhysicalMemory}. */
export const WORD_SIZE = 4;

/** Reads and writes of the simulated physical address space, 32 bits at a time; addresses are multiples of 4. */
export interface WordBus {
  /** The word at `phys`, or {@link BUS_ABORT} where no memory is. */
  read(phys: number): number;
  /** Stores 32 bits; dropped where no memory is. */
  write(phys: number, word: number): void;
}

/**
 * Physical memory as one typed array, with holes and device memory. A 64-bit entry of a page table is a pair of
 * 32-bit words, low word first (little-endian), so that no BigInt is needed.
 *
 * Physical addresses are bytes as float64, which is exact for the 52 bits that any of the page-table formats has.
 */
export class PhysicalMemory implements WordBus {
  readonly sizeBytes: number;
  readonly pageSize: number;
  /** Pages that the array backs. */
  readonly pages: number;
  readonly regions: readonly Region[];
  /** The contents. */
  readonly words: Uint32Array;
  /** {@link RegionKind} of each page, as its index in {@link KINDS}. */
  private readonly kinds: Uint8Array;

  constructor({ sizeBytes, pageSize = 4096, regions = [] }: PhysicalMemoryOptions) {
    if (sizeBytes % pageSize !== 0 || sizeBytes <= 0) {
      throw new RangeError(
        `memory of ${sizeBytes} bytes is not a whole number of pages of ${pageSize} bytes`,
      );
    }
    this.sizeBytes = sizeBytes;
    this.pageSize = pageSize;
    this.pages = sizeBytes / pageSize;
    this.regions = regions;
    this.words = new Uint32Array(sizeBytes / WORD_SIZE);
    this.kinds = new Uint8Array(this.pages);
    for (const { kind, start, size } of regions) {
      const first = start / pageSize;
      if (!Number.isInteger(first) || size % pageSize !== 0) {
        throw new RangeError(`the ${kind} region at ${start} does not begin and end with a page`);
      }
      this.kinds.fill(
        KINDS.indexOf(kind),
        Math.min(first, this.pages),
        Math.min(first + size / pageSize, this.pages),
      );
    }
  }

  read(phys: number): number {
    return this.hasMemory(phys) ? (this.words[phys / WORD_SIZE] as number) : BUS_ABORT;
  }

  write(phys: number, word: number): void {
    if (this.hasMemory(phys)) this.words[phys / WORD_SIZE] = word;
  }

  /** Fills whole words with zero. */
  zero(phys: number, sizeBytes: number): void {
    this.words.fill(0, phys / WORD_SIZE, (phys + sizeBytes) / WORD_SIZE);
  }

  /** What lies at the page; beyond the array it is what the regions say, else a hole. */
  kindOf(pfn: number): RegionKind {
    if (pfn < this.pages) return KINDS[this.kinds[pfn] as number] as RegionKind;
    const phys = pfn * this.pageSize;
    return this.regions.find(({ start, size }) => phys >= start && phys < start + size)?.kind ?? 'hole';
  }

  /** `pfn_to_online_page()`: whether the page has a `struct page` that the kernel accounts for. */
  isOnline(pfn: number): boolean {
    return pfn < this.pages && (this.kinds[pfn] as number) <= RESERVED;
  }

  private hasMemory(phys: number): boolean {
    return phys < this.sizeBytes && (this.kinds[Math.floor(phys / this.pageSize)] as number) <= ZONE_DEVICE;
  }
}

/** In this order: what the array holds comes first. */
const KINDS: readonly RegionKind[] = ['ram', 'reserved', 'zone-device', 'mmio', 'hole'];
const RESERVED = 1;
const ZONE_DEVICE = 2;

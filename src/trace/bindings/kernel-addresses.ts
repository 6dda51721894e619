import { pointer } from '../events/field-reader.ts';

/** Bytes of a `struct page` in all usual configurations. */
const STRUCT_PAGE_BYTES = 64;

/**
 * The kernel aligns its direct map and its array of `struct page` to 1 GiB, randomised or not
 * (`kernel_randomize_memory()`, arch/x86/mm/kaslr.c; ARM64_MEMSTART_ALIGN, arch/arm64/include/asm/kernel-pgtable.h).
 */
const ALIGNMENT = 2 ** 30;

/** A 64-bit address in halves. */
interface Address {
  readonly high: number;
  readonly low: number;
}

/** Pages that a thread of execution was just handed, and what they say of the direct map. */
interface Handed {
  pfn: number;
  pages: number;
}

/**
 * Where a kernel keeps physical memory in its own address space, which it randomises at boot: what no symbol tells,
 * because a trace has the symbols and not their values.
 *
 * Exact sources are a probe that records the variable (`@page_offset_base`, `@vmemmap_base`), and a page_pool event,
 * which has a `struct page` and its number. Else the direct map is learnt from new slabs: an allocation of pages and an
 * object handed out right behind it, by the same thread, within these pages. That a foreign object lies there by
 * accident has a chance of 1 to 30,000 at most, since the map is aligned; two that agree are believed.
 */
export class KernelAddresses {
  private directMap: Address | undefined;
  private vmemmap: Address | undefined;
  private candidate: (Address & { readonly pfn: number }) | undefined;
  private readonly handed = new Map<number, Handed>();
  private readonly pageSize: number;

  constructor(pageSize: number) {
    this.pageSize = pageSize;
  }

  /** Whether allocations of pages are worth to be told of: the direct map is looked for. */
  isLearning = false;

  /** `page_offset_base`, read by {@link pointer}. */
  setDirectMap(): void {
    this.directMap ??= { ...pointer };
    this.isLearning = false;
  }

  /** `vmemmap_base`, read by {@link pointer}. */
  setVmemmap(): void {
    this.vmemmap ??= { ...pointer };
  }

  /** Pages were allocated; the next object of the slab allocator in this context may lie in them. */
  pagesHanded(context: number, pfn: number, order: number): void {
    this.handed.set(context, { pfn, pages: 2 ** order });
  }

  /** A `struct page`, read by {@link pointer}, and the number of its page. */
  pageKnown(pfn: number): void {
    if (this.vmemmap || pfn === 0) return;
    const base = below(pointer, pfn * STRUCT_PAGE_BYTES);
    if (base.low % STRUCT_PAGE_BYTES === 0) this.vmemmap = base;
  }

  /** Number of the page whose `struct page` was read by {@link pointer}, or -1 where that cannot be told. */
  pfnOfPage(): number {
    const offset = this.vmemmap ? distance(this.vmemmap, pointer) : -1;
    return offset < 0 || offset % STRUCT_PAGE_BYTES !== 0 ? -1 : offset / STRUCT_PAGE_BYTES;
  }

  /** Physical address of the object of the slab allocator read by {@link pointer}, or -1 where that cannot be told. */
  physOfObject(): number {
    return this.directMap ? distance(this.directMap, pointer) : -1;
  }

  /** Learns from the object, read by {@link pointer}, that this context was handed. */
  objectHanded(context: number): void {
    if (this.directMap) return;
    this.isLearning = true;
    const handed = this.handed.get(context);
    if (!handed) return;
    this.handed.delete(context);
    const start = below(pointer, handed.pfn * this.pageSize);
    const within = start.low % ALIGNMENT;
    if (within >= handed.pages * this.pageSize) return;
    const base = below(start, within);
    const { candidate } = this;
    if (candidate?.high !== base.high || candidate.low !== base.low) {
      this.candidate = { ...base, pfn: handed.pfn };
    } else if (candidate.pfn !== handed.pfn) {
      this.directMap = base;
      this.isLearning = false;
      this.handed.clear();
    }
  }
}

/** Bytes from one address to another; negative where it lies below. */
function distance(from: Address, to: Address): number {
  return (to.high - from.high) * 0x1_0000_0000 + (to.low - from.low);
}

/** The address that lies `bytes` below. */
function below({ high, low }: Address, bytes: number): Address {
  const lowBytes = bytes % 0x1_0000_0000;
  const borrow = lowBytes > low ? 1 : 0;
  return {
    high: (high - Math.floor(bytes / 0x1_0000_0000) - borrow) >>> 0,
    low: low - lowBytes + borrow * 0x1_0000_0000,
  };
}

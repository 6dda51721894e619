/** What a source of events can tell. A check that needs more says so once, instead of guessing. */
export interface Capabilities {
  /** Map and unmap events name their domain, so equal IOVAs of two domains are told apart. */
  hasDomains: boolean;
  /** The end of a domain is seen. */
  hasDomainLifetime: boolean;
  /** Devices are named, by `dma:*` events or probes. */
  hasDevices: boolean;
  /** Map and unmap calls of the DMA API are seen with size, direction and attributes. */
  hasDmaApi: boolean;
  /** Binding and unbinding of drivers is seen. */
  hasDriverLifecycle: boolean;
  /** The end of an unbind is seen apart from its beginning (`bus_notify`). */
  hasUnbindEnd: boolean;
  /** Page allocations and frees are seen. */
  hasPageAllocator: boolean;
  /** Every allocation is seen, bulk allocation, compaction and CMA included. No recorded trace has this. */
  hasEveryAllocation: boolean;
  /** Kernel stacks were recorded. */
  hasStacks: boolean;
  /** page_pool events are seen. */
  hasPagePool: boolean;
  /** Creation and end of page_pools are seen. */
  hasPoolLifetime: boolean;
  /** Flushes of the IOTLB are seen. */
  hasFlushes: boolean;
  /** Accesses that the IOMMU refused are seen. */
  hasFaults: boolean;
  /** Objects of the slab allocator are seen. */
  hasSlab: boolean;
  /** Kernel page-table pages that are given up, and the invalidation for SVA, are seen. */
  hasKernelTables: boolean;
  /** The clearing of entries that refer to kernel page-table pages is seen. No recorded trace has this. */
  hasTableUnlinks: boolean;
}

export type Capability = keyof Capabilities;

/** What a source can tell before it has shown anything. */
export function noCapabilities(): Capabilities {
  return {
    hasDomains: false,
    hasDomainLifetime: false,
    hasDevices: false,
    hasDmaApi: false,
    hasDriverLifecycle: false,
    hasUnbindEnd: false,
    hasPageAllocator: false,
    hasEveryAllocation: false,
    hasStacks: false,
    hasPagePool: false,
    hasPoolLifetime: false,
    hasFlushes: false,
    hasFaults: false,
    hasSlab: false,
    hasKernelTables: false,
    hasTableUnlinks: false,
  };
}

/** One frame of a kernel stack. */
export interface StackFrame {
  /** `0xffffffff814103b1`; absent where the source has only names, as ftrace's text. A frame has one or the other. */
  readonly address?: string;
  /** `undefined` where the symbols do not cover the address. */
  readonly symbol?: string;
  /** Bytes into the function. */
  readonly offset?: number;
  /** Bytes to the next symbol, where known. */
  readonly size?: number;
  readonly module?: string;
}

/** Where a file holds an event. */
export interface EventLocation {
  readonly file: string;
  /** Byte offset in the file of the event or, in compressed data, of the chunk that holds it. */
  readonly offset: number;
  /** Byte offset of the event in the decompressed chunk; absent where the data is not compressed. */
  readonly inChunk?: number;
  /** Line of a text, from 1; its offset then counts the bytes of the text, decompressed if need be. */
  readonly line?: number;
}

/** Turns the small integers of {@link KernelEvents} into words. Called for findings, never per event. */
export interface SourceNames {
  /** `0000:00:04.0`; `undefined` for {@link UNKNOWN}. */
  device(id: number): string | undefined;
  driver(id: number): string | undefined;
  /** The domain's kernel address, `0xff11000000ab5c00`. */
  domain(id: number): string | undefined;
  pool(id: number): string | undefined;
  /** Command name of a thread, `<idle>` for 0, `<...>` where the source has lost it. */
  task(pid: number): string;
  /** Frames from the innermost outwards; empty for id 0. */
  stack(id: number): readonly StackFrame[];
  locate(position: number): EventLocation | undefined;
}

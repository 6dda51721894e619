import { DMA_ATTR_NAMES, DMA_DIRECTIONS } from '../../kernel/dma.ts';

/** A field of an event and how it is printed: `text` holds one conversion for each of `values`. */
export interface FieldDeclaration {
  /** `u64 iova` */
  readonly declaration: string;
  readonly text?: string;
  /** Expressions of `print fmt`; by default the field itself. */
  readonly values?: readonly string[];
}

/** A kind of event, as the kernel of {@link kernelFormats} declares it. */
export interface EventDeclaration {
  readonly system: string;
  readonly name: string;
  /** In the order of the record. */
  readonly fields: readonly FieldDeclaration[];
  /** Of a probe: the function that it sits on, and whether on its return. */
  readonly probe?: { readonly symbol: string; readonly isReturn: boolean };
}

const DIRECTION = {
  declaration: 'enum dma_data_direction dir',
  text: 'dir=%s',
  values: [
    `__print_symbolic(REC->dir, ${DMA_DIRECTIONS.map((name, i) => `{ ${i}, "${name}" }`).join(', ')})`,
  ],
} as const;

const ATTRS = {
  declaration: 'unsigned long attrs',
  text: 'attrs=%s',
  values: [
    `__print_flags(REC->attrs, "|", ${DMA_ATTR_NAMES.map(([bit, name]) => `{ (1UL << ${bit}), "${name}" }`).join(', ')})`,
  ],
} as const;

const DEVICE = {
  declaration: '__data_loc char[] device',
  text: '%s',
  values: ['__get_str(device)'],
} as const;

const u64 = (name: string): FieldDeclaration => ({ declaration: `u64 ${name}`, text: `${name}=0x%llx` });
const size = (name: string): FieldDeclaration => ({ declaration: `size_t ${name}`, text: `${name}=%zu` });
const wideArray = (name: string): FieldDeclaration => ({
  declaration: `__data_loc u64[] ${name}`,
  text: `${name}=%s`,
  values: [`__print_array(__get_dynamic_array(${name}), __get_dynamic_array_len(${name}) / 8, 8)`],
});
const wordArray = (name: string): FieldDeclaration => ({
  declaration: `__data_loc unsigned int[] ${name}`,
  text: `${name}=%s`,
  values: [`__print_array(__get_dynamic_array(${name}), __get_dynamic_array_len(${name}) / 4, 4)`],
});

function tracepoint(system: string, name: string, ...fields: FieldDeclaration[]): EventDeclaration {
  return { system, name, fields };
}

/** The arguments of a probe, as `dynamic_events` declares them (Documentation/trace/fprobetrace.rst). */
const pointer = (name: string): FieldDeclaration => ({ declaration: `u64 ${name}`, text: `${name}=0x%Lx` });
const text = (name: string): FieldDeclaration => ({
  declaration: `__data_loc char[] ${name}`,
  text: `${name}="%s"`,
  values: [`__get_str(${name})`],
});

function entryProbe(name: string, symbol: string, ...fields: FieldDeclaration[]): EventDeclaration {
  const place = { declaration: 'unsigned long __probe_ip', text: '(%lx)' };
  return { system: 'iommusan', name, fields: [place, ...fields], probe: { symbol, isReturn: false } };
}

function returnProbe(name: string, symbol: string, ...fields: FieldDeclaration[]): EventDeclaration {
  const place = { declaration: 'unsigned long __probe_func', text: '(%lx <-' };
  const caller = { declaration: 'unsigned long __probe_ret_ip', text: '%lx)' };
  return { system: 'iommusan', name, fields: [place, caller, ...fields], probe: { symbol, isReturn: true } };
}

/**
 * The events that say in a trace what {@link KernelEvents} says, with the names and fields of Linux 7.2
 * (include/trace/events) and of the probes that iommusan sets.
 */
export const DECLARATIONS = {
  kernelStack: {
    system: 'ftrace',
    name: 'kernel_stack',
    fields: [{ declaration: 'int size' }, { declaration: 'unsigned long caller[8]' }],
  },
  map: {
    system: 'iommu',
    name: 'map',
    fields: [
      {
        declaration: 'u64 iova',
        text: 'IOMMU: iova=0x%016llx - 0x%016llx',
        values: ['REC->iova', 'REC->iova + REC->size'],
      },
      { declaration: 'u64 paddr', text: 'paddr=0x%016llx' },
      size('size'),
    ],
  },
  unmap: {
    system: 'iommu',
    name: 'unmap',
    fields: [
      {
        declaration: 'u64 iova',
        text: 'IOMMU: iova=0x%016llx - 0x%016llx',
        values: ['REC->iova', 'REC->iova + REC->size'],
      },
      size('size'),
      size('unmapped_size'),
    ],
  },
  ioPageFault: tracepoint(
    'iommu',
    'io_page_fault',
    DEVICE,
    { declaration: '__data_loc char[] driver', text: '%s', values: ['__get_str(driver)'] },
    u64('iova'),
    { declaration: 'int flags', text: 'flags=0x%04x' },
  ),
  pageAlloc: tracepoint(
    'kmem',
    'mm_page_alloc',
    { declaration: 'unsigned long pfn', text: 'pfn=0x%lx' },
    { declaration: 'unsigned int order', text: 'order=%d' },
    { declaration: 'unsigned long gfp_flags' },
    { declaration: 'int migratetype' },
  ),
  pageFree: tracepoint(
    'kmem',
    'mm_page_free',
    { declaration: 'unsigned long pfn', text: 'pfn=0x%lx' },
    { declaration: 'unsigned int order', text: 'order=%d' },
  ),
  dmaMap: tracepoint(
    'dma',
    'dma_map_phys',
    DEVICE,
    u64('phys_addr'),
    u64('dma_addr'),
    size('size'),
    DIRECTION,
    ATTRS,
  ),
  dmaUnmap: tracepoint('dma', 'dma_unmap_phys', DEVICE, u64('addr'), size('size'), DIRECTION, ATTRS),
  dmaAlloc: tracepoint('dma', 'dma_alloc', DEVICE, u64('dma_addr'), size('size'), DIRECTION, ATTRS),
  dmaFree: tracepoint('dma', 'dma_free', DEVICE, u64('dma_addr'), size('size'), DIRECTION, ATTRS),
  dmaAllocPages: tracepoint(
    'dma',
    'dma_alloc_pages',
    DEVICE,
    u64('dma_addr'),
    size('size'),
    DIRECTION,
    ATTRS,
  ),
  dmaFreePages: tracepoint('dma', 'dma_free_pages', DEVICE, u64('dma_addr'), size('size'), DIRECTION, ATTRS),
  dmaAllocSgt: tracepoint('dma', 'dma_alloc_sgt', DEVICE, u64('dma_addr'), size('size'), DIRECTION, ATTRS),
  dmaFreeSgt: tracepoint('dma', 'dma_free_sgt', DEVICE, u64('dma_addr'), size('size'), DIRECTION, ATTRS),
  dmaMapSg: tracepoint(
    'dma',
    'dma_map_sg',
    DEVICE,
    { declaration: 'int full_nents', text: 'nents=%d' },
    { declaration: 'int full_ents', text: 'ents=%d' },
    wideArray('phys_addrs'),
    wideArray('dma_addrs'),
    wordArray('lengths'),
    DIRECTION,
    ATTRS,
  ),
  dmaUnmapSg: tracepoint('dma', 'dma_unmap_sg', DEVICE, wideArray('addrs'), DIRECTION, ATTRS),
  dmaSync: tracepoint('dma', 'dma_sync_single_for_cpu', DEVICE, u64('dma_addr'), size('size'), DIRECTION),
  poolHold: tracepoint(
    'page_pool',
    'page_pool_state_hold',
    { declaration: 'const struct page_pool * pool', text: 'page_pool=%p' },
    { declaration: 'u32 hold', text: 'hold=%u' },
    { declaration: 'unsigned long pfn', text: 'pfn=0x%lx' },
  ),
  poolRelease: tracepoint(
    'page_pool',
    'page_pool_state_release',
    { declaration: 'const struct page_pool * pool', text: 'page_pool=%p' },
    { declaration: 'u32 release', text: 'release=%u' },
    { declaration: 'unsigned long pfn', text: 'pfn=0x%lx' },
  ),
  poolShutdown: tracepoint(
    'page_pool',
    'page_pool_release',
    { declaration: 'const struct page_pool * pool', text: 'page_pool=%p' },
    { declaration: 's32 inflight', text: 'inflight=%d' },
  ),

  mapEntry: entryProbe(
    'map',
    'iommu_map_nosync',
    pointer('domain'),
    pointer('iova'),
    pointer('paddr'),
    pointer('size'),
    { declaration: 'u32 prot', text: 'prot=0x%x' },
  ),
  unmapEntry: entryProbe('unmap', '__iommu_unmap', pointer('domain'), pointer('iova'), pointer('size')),
  domainAlloc: returnProbe('domain_alloc', 'iommu_paging_domain_alloc_flags', text('dev'), pointer('domain')),
  domainAttach: entryProbe('attach', '__iommu_attach_device', pointer('domain'), text('dev')),
  domainFree: entryProbe('domain_free', 'iommu_domain_free', pointer('domain')),
  dmaMapBegin: entryProbe('dma_map', 'iommu_dma_map_phys', text('dev')),
  marker: tracepoint('ftrace', 'print', {
    declaration: '__data_loc char[] buf',
    text: '%s',
    values: ['__get_str(buf)'],
  }),
  driverProbe: entryProbe('probe', 'really_probe', text('dev'), text('drv')),
  driverCleanup: entryProbe('unbind', 'device_unbind_cleanup', text('dev')),
  busNotify: entryProbe('bus', 'bus_notify', text('dev'), { declaration: 'u32 event', text: 'event=%u' }),
  poolCreate: returnProbe('pool_create', 'page_pool_create_percpu', text('dev'), pointer('pool')),
  poolDestroy: entryProbe('pool_destroy', 'page_pool_destroy', pointer('pool')),
  flushAll: returnProbe('flush_all', 'intel_flush_iotlb_all', pointer('domain')),
  sync: returnProbe('tlb_sync', 'intel_iommu_tlb_sync', pointer('domain'), pointer('start'), pointer('end')),
  svaBind: returnProbe('sva_bind', 'iommu_sva_bind_device', text('dev'), pointer('mm'), pointer('handle')),
  svaUnbind: entryProbe('sva_unbind', 'iommu_sva_unbind_device', pointer('handle')),
  kernelTableFree: entryProbe(
    'table_free',
    'pagetable_free_kernel',
    pointer('ptdesc'),
    pointer('vmemmap_base'),
  ),
  svaInvalidateBegin: entryProbe(
    'sva_invalidate',
    'iommu_sva_invalidate_kva_range',
    pointer('start'),
    pointer('end'),
  ),
  svaInvalidateEnd: returnProbe(
    'sva_invalidate_ret',
    'iommu_sva_invalidate_kva_range',
    pointer('start'),
    pointer('end'),
  ),
} as const satisfies Record<string, EventDeclaration>;

/** The name of a field: what its declaration ends with. */
export function fieldName({ declaration }: FieldDeclaration): string {
  return /(\w+)(?:\[\d+\])?$/.exec(declaration)?.[1] ?? '';
}

/** What stands behind `print fmt:` */
export function printFormat(fields: readonly FieldDeclaration[]): string {
  const printed = fields.filter(field => field.text !== undefined);
  const format = printed.map(field => field.text).join(' ');
  const values = printed.flatMap(field => field.values ?? [`REC->${fieldName(field)}`]);
  // Quotes around a text argument are part of the format, as trace_probe.c prints them.
  return [`"${format.replaceAll('"', '\\"')}"`, ...values].join(', ');
}

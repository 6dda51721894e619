/** How the value of a field is written. */
export type ValueForm =
  /** Decimal, or hexadecimal with `0x`. */
  | 'number'
  /** Hexadecimal, with `0x` or without. */
  | 'hex'
  /** A page frame number; 0 stands for the -1 of an allocation that failed (include/trace/events/kmem.h). */
  | 'pfn'
  /** `3/16`: recorded and in all; or the latter alone. */
  | 'outOf'
  /** `TO_DEVICE`, or the number of the direction. */
  | 'direction'
  /** `SKIP_CPU_SYNC|NO_WARN`, or the mask. */
  | 'attributes'
  /** A word, or a text in quotes. */
  | 'string'
  /** `function+0x1f`, or an address. */
  | 'place'
  /** `{0x1000,0x2000}`, or `ARRAY[00, 10, ...]` of its bytes. */
  | 'wides'
  /** The same with elements of 4 bytes. */
  | 'words'
  /** Everything to the end of the line. */
  | 'text'
  /** The first or the second half of `[0x0-0xfff]`; `start=` and `end=` with -R. */
  | 'rangeStart'
  | 'rangeEnd';

/** One field of an event as its text has it. */
export interface FieldForm {
  /** Of the event's format. */
  readonly name: string;
  /** What stands before `=`; absent for a field that is only known by its place. */
  readonly keys: readonly string[];
  readonly form: ValueForm;
  /** Which word without `=` it is, from 0; words in brackets do not count. */
  readonly place?: number;
  readonly signed?: boolean;
}

/** How a tracepoint that is bound is printed. */
export interface EventForm {
  readonly system: string;
  readonly name: string;
  /** What is printed for the name, where that is another. */
  readonly printedAs?: string;
  readonly fields: readonly FieldForm[];
  /** The body may begin with a call site in parentheses, as trace-cmd prints it for slab objects. */
  readonly hasCallSite?: boolean;
}

function field(name: string, form: ValueForm = 'number', ...otherKeys: string[]): FieldForm {
  return { name, keys: [name, ...otherKeys], form };
}

function signed(name: string): FieldForm {
  return { name, keys: [name], form: 'number', signed: true };
}

const DEVICE: FieldForm = { name: 'device', keys: ['device'], form: 'string', place: 0 };
const MARKER_TEXT: FieldForm = { name: 'buf', keys: ['buf'], form: 'text', place: 0 };
const DIRECTION = field('dir', 'direction');
const ATTRIBUTES = field('attrs', 'attributes');
const POOL = field('pool', 'hex', 'page_pool');

/** The tracepoints of a system that are printed alike. */
function alike(
  system: string,
  names: string,
  fields: readonly FieldForm[],
  hasCallSite = false,
): EventForm[] {
  return names.split(' ').map(name => ({ system, name, fields, hasCallSite }));
}

/**
 * The tracepoints that mean something here and whose text is not `field=value` throughout: their `print fmt` leaves
 * out names, renames fields or writes words for numbers (include/trace/events/{iommu,dma,kmem,page_pool,printk}.h,
 * drivers/iommu/intel/trace.h, Linux 6.1 to 7.2). With `trace-cmd report -R` the same fields come by their names.
 * Fields stand in the order of the text, which is read fastest; with `-R` they come as the kernel declares them.
 */
export const EVENT_FORMS: readonly EventForm[] = [
  ...alike('iommu', 'map', [field('iova'), field('paddr'), field('size')]),
  ...alike('iommu', 'unmap', [field('iova'), field('size'), field('unmapped_size')]),
  ...alike('iommu', 'io_page_fault', [
    { name: 'device', keys: ['device'], form: 'string', place: 1 },
    field('iova'),
    field('flags'),
  ]),
  ...alike('kmem', 'mm_page_alloc', [field('pfn', 'pfn'), field('order')]),
  ...alike('kmem', 'mm_page_free mm_page_free_batched', [field('pfn'), field('order')]),
  ...alike(
    'kmem',
    'kmalloc kmem_cache_alloc kmalloc_node kmem_cache_alloc_node',
    [field('call_site', 'place'), field('ptr', 'hex'), field('bytes_req'), field('bytes_alloc')],
    true,
  ),
  ...alike('kmem', 'kfree kmem_cache_free', [field('call_site', 'place'), field('ptr', 'hex')], true),
  ...alike('dma', 'dma_map_phys dma_map_page dma_map_resource', [
    DEVICE,
    DIRECTION,
    field('dma_addr', 'hex'),
    field('size'),
    field('phys_addr', 'hex'),
    ATTRIBUTES,
  ]),
  ...alike('dma', 'dma_unmap_phys dma_unmap_page dma_unmap_resource', [
    DEVICE,
    DIRECTION,
    field('addr', 'hex', 'dma_addr'),
    field('size'),
    ATTRIBUTES,
  ]),
  ...alike('dma', 'dma_alloc dma_alloc_pages dma_alloc_sgt dma_free dma_free_pages dma_free_sgt', [
    DEVICE,
    DIRECTION,
    field('dma_addr', 'hex'),
    field('size'),
    ATTRIBUTES,
  ]),
  ...alike('dma', 'dma_map_sg', [
    DEVICE,
    DIRECTION,
    field('full_nents', 'outOf', 'nents'),
    field('full_ents', 'outOf', 'ents'),
    field('dma_addrs', 'wides'),
    field('lengths', 'words', 'sizes'),
    field('phys_addrs', 'wides'),
    ATTRIBUTES,
  ]),
  ...alike('dma', 'dma_unmap_sg', [DEVICE, DIRECTION, field('addrs', 'wides', 'phys_addrs'), ATTRIBUTES]),
  ...alike('dma', 'dma_sync_single_for_cpu dma_sync_single_for_device', [
    DEVICE,
    DIRECTION,
    field('dma_addr', 'hex'),
    field('size'),
  ]),
  ...alike('dma', 'dma_sync_sg_for_cpu dma_sync_sg_for_device', [
    DEVICE,
    DIRECTION,
    field('dma_addrs', 'wides'),
    field('lengths', 'words', 'sizes'),
  ]),
  ...alike('page_pool', 'page_pool_release', [
    POOL,
    signed('inflight'),
    field('hold'),
    field('release'),
    field('cnt'),
  ]),
  ...alike('page_pool', 'page_pool_state_hold', [POOL, field('netmem', 'hex'), field('pfn'), field('hold')]),
  ...alike('page_pool', 'page_pool_state_release', [
    POOL,
    field('netmem', 'hex'),
    field('pfn'),
    field('release'),
  ]),
  ...alike('printk', 'console', [{ name: 'msg', keys: ['msg'], form: 'text', place: 0 }]),
  // What was written into trace_marker; trace-cmd report calls it by its name.
  { system: 'ftrace', name: 'print', fields: [MARKER_TEXT] },
  { system: 'ftrace', name: 'print', printedAs: 'tracing_mark_write', fields: [MARKER_TEXT] },
  ...alike('intel_iommu', 'qi_submit', [
    { ...field('qw0'), place: 2 },
    { ...field('qw1'), place: 3 },
    { ...field('qw2'), place: 4 },
    { ...field('qw3'), place: 5 },
  ]),
  ...alike('intel_iommu', 'cache_tag_flush_range cache_tag_flush_range_np', [
    field('start', 'rangeStart'),
    field('end', 'rangeEnd'),
  ]),
];

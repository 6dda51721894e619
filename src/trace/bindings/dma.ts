import type { DmaKind } from '../../kernel/dma.ts';
import type { ScatterList } from '../../kernel/events.ts';
import type { EventFormat } from '../events/event-format.ts';
import {
  type Extent,
  extentReader,
  findField,
  type NumberReader,
  numberReader,
  wideAt,
} from '../events/field-reader.ts';
import type { EventHandler, RawEvent } from '../events/raw-event.ts';
import { type BindingContext, deviceReader, stamp } from './context.ts';

/** `DMA_MAPPING_ERROR` is all ones; as a float64 it is at least this. */
const DMA_MAPPING_ERROR = 0xffff_ffff * 0x1_0000_0000;

/** Kind of DMA API call by the name of its event; older kernels have `_page` and `_resource` for `_phys`. */
const MAP_EVENTS: ReadonlyMap<string, DmaKind> = new Map([
  ['dma_map_phys', 'single'],
  ['dma_map_page', 'single'],
  ['dma_map_resource', 'single'],
  ['dma_alloc', 'coherent'],
  ['dma_alloc_pages', 'pages'],
  ['dma_alloc_sgt', 'sgt'],
]);

const UNMAP_EVENTS: ReadonlyMap<string, DmaKind> = new Map([
  ['dma_unmap_phys', 'single'],
  ['dma_unmap_page', 'single'],
  ['dma_unmap_resource', 'single'],
  ['dma_free', 'coherent'],
  ['dma_free_pages', 'pages'],
  ['dma_free_sgt', 'sgt'],
]);

/**
 * `dma:*`, include/trace/events/dma.h, emitted by kernel/dma/mapping.c. Not every DMA mapping has one: the
 * `dma_iova_*` calls of block and RDMA drivers emit none.
 */
export function bindDmaEvent(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const mapKind = MAP_EVENTS.get(format.name);
  if (mapKind) return bindMap(format, mapKind, context);
  const unmapKind = UNMAP_EVENTS.get(format.name);
  if (unmapKind) return bindUnmap(format, unmapKind, context);
  switch (format.name) {
    case 'dma_map_sg':
      return bindMapSg(format, context);
    case 'dma_unmap_sg':
      return bindUnmapSg(format, context);
    case 'dma_sync_single_for_cpu':
    case 'dma_sync_single_for_device':
      return bindSync(format, context);
    case 'dma_sync_sg_for_cpu':
    case 'dma_sync_sg_for_device':
      return bindSyncSg(format, context);
    default:
      return undefined;
  }
}

/** The fields that all calls share. */
function commonReaders(format: EventFormat, context: BindingContext) {
  const deviceField = findField(format, 'device');
  if (!deviceField) return undefined;
  return {
    device: deviceReader(context, deviceField),
    direction: numberOr(format, -1, 'dir'),
    attrs: numberOr(format, -1, 'attrs'),
  };
}

function numberOr(format: EventFormat, otherwise: number, ...names: readonly string[]): NumberReader {
  const field = findField(format, ...names);
  return field ? numberReader(field) : () => otherwise;
}

function bindMap(format: EventFormat, kind: DmaKind, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const addressField = findField(format, 'dma_addr');
  const sizeField = findField(format, 'size');
  if (!common || !addressField || !sizeField) return undefined;
  const address = numberReader(addressField);
  const size = numberReader(sizeField);
  const phys = numberOr(format, -1, 'phys_addr');
  const { sink, seen } = context;
  return event => {
    const dmaAddr = address(event);
    // The event is emitted for failures too: all ones, or 0 for allocations.
    if (dmaAddr >= DMA_MAPPING_ERROR || (dmaAddr === 0 && kind !== 'single')) return;
    seen.hasDevices = true;
    seen.hasDmaApi = true;
    sink.dmaMap(
      stamp(context, event),
      kind,
      common.device(event),
      dmaAddr,
      size(event),
      phys(event),
      common.direction(event),
      common.attrs(event),
    );
  };
}

function bindUnmap(format: EventFormat, kind: DmaKind, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const addressField = findField(format, 'addr', 'dma_addr');
  const sizeField = findField(format, 'size');
  if (!common || !addressField || !sizeField) return undefined;
  const address = numberReader(addressField);
  const size = numberReader(sizeField);
  const { sink, seen } = context;
  return event => {
    seen.hasDevices = true;
    seen.hasDmaApi = true;
    sink.dmaUnmap(
      stamp(context, event),
      kind,
      common.device(event),
      address(event),
      size(event),
      common.direction(event),
      common.attrs(event),
    );
  };
}

function bindSync(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const addressField = findField(format, 'dma_addr');
  const sizeField = findField(format, 'size');
  if (!common || !addressField || !sizeField) return undefined;
  const address = numberReader(addressField);
  const size = numberReader(sizeField);
  return event =>
    context.sink.dmaSync(
      stamp(context, event),
      common.device(event),
      address(event),
      size(event),
      common.direction(event),
    );
}

/** A scatterlist whose arrays grow to the longest list seen. */
class GrowingList implements ScatterList {
  phys = new Float64Array(128);
  nents = 0;
  fullNents = 0;
  dmaAddr = new Float64Array(128);
  length = new Float64Array(128);
  ents = 0;
  fullEnts = 0;
}

/** Reads a dynamic array of 8-byte values into `into`, which is replaced by a larger one where it must be. */
function readWide(
  event: RawEvent,
  extent: Extent,
  into: Float64Array<ArrayBuffer>,
): Float64Array<ArrayBuffer> {
  const count = extent.bytes >>> 3;
  const array = count > into.length ? new Float64Array(count) : into;
  for (let i = 0; i < count; i++) array[i] = wideAt(event, extent.at + i * 8);
  return array;
}

function readWords(
  event: RawEvent,
  extent: Extent,
  into: Float64Array<ArrayBuffer>,
): Float64Array<ArrayBuffer> {
  const count = extent.bytes >>> 2;
  const array = count > into.length ? new Float64Array(count) : into;
  for (let i = 0; i < count; i++) array[i] = event.view.getUint32(extent.at + i * 4, event.littleEndian);
  return array;
}

function bindMapSg(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const physField = findField(format, 'phys_addrs');
  const addressField = findField(format, 'dma_addrs');
  const lengthField = findField(format, 'lengths');
  if (!common || !physField || !addressField || !lengthField) return undefined;
  const phys = extentReader(physField);
  const addresses = extentReader(addressField);
  const lengths = extentReader(lengthField);
  const fullNents = numberOr(format, 0, 'full_nents');
  const fullEnts = numberOr(format, 0, 'full_ents');
  const place: Extent = { at: 0, bytes: 0 };
  const list = new GrowingList();
  const { sink, seen } = context;
  return event => {
    seen.hasDevices = true;
    seen.hasDmaApi = true;
    phys(event, place);
    list.phys = readWide(event, place, list.phys);
    list.nents = place.bytes >>> 3;
    addresses(event, place);
    list.dmaAddr = readWide(event, place, list.dmaAddr);
    const addressCount = place.bytes >>> 3;
    lengths(event, place);
    list.length = readWords(event, place, list.length);
    list.ents = Math.min(addressCount, place.bytes >>> 2);
    // Kernels that record the lists whole have no counts.
    list.fullNents = fullNents(event) || list.nents;
    list.fullEnts = fullEnts(event) || list.ents;
    sink.dmaMapSg(
      stamp(context, event),
      common.device(event),
      list,
      common.direction(event),
      common.attrs(event),
    );
  };
}

function bindUnmapSg(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const addressField = findField(format, 'addrs');
  if (!common || !addressField) return undefined;
  const addresses = extentReader(addressField);
  const place: Extent = { at: 0, bytes: 0 };
  const list = new GrowingList();
  const { sink, seen } = context;
  return event => {
    seen.hasDevices = true;
    seen.hasDmaApi = true;
    addresses(event, place);
    list.phys = readWide(event, place, list.phys);
    list.nents = place.bytes >>> 3;
    list.fullNents = list.nents;
    sink.dmaUnmapSg(
      stamp(context, event),
      common.device(event),
      list,
      common.direction(event),
      common.attrs(event),
    );
  };
}

function bindSyncSg(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const addressField = findField(format, 'dma_addrs');
  const lengthField = findField(format, 'lengths');
  if (!common || !addressField || !lengthField) return undefined;
  const addresses = extentReader(addressField);
  const lengths = extentReader(lengthField);
  const place: Extent = { at: 0, bytes: 0 };
  let address = new Float64Array(128);
  let length = new Float64Array(128);
  return event => {
    addresses(event, place);
    address = readWide(event, place, address);
    const count = place.bytes >>> 3;
    lengths(event, place);
    length = readWords(event, place, length);
    const device = common.device(event);
    const direction = common.direction(event);
    for (let i = 0; i < Math.min(count, place.bytes >>> 2); i++) {
      const at = stamp(context, event);
      context.sink.dmaSync(at, device, address[i] as number, length[i] as number, direction);
    }
  };
}

import type { ScatterList } from '../../kernel/events.ts';
import type { EventFormat } from '../events/event-format.ts';
import { type Extent, extentReader, findField, wideAt } from '../events/field-reader.ts';
import type { EventHandler, RawEvent } from '../events/raw-event.ts';
import { type BindingContext, stamp } from './context.ts';
import { commonReaders, numberOr } from './dma-fields.ts';

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

/** Reads part of a scatterlist from an event. */
type ListReader = (event: RawEvent, list: GrowingList) => void;

/** Physical addresses, as `phys_addrs` of a map and `addrs` of an unmap. */
function entriesReader(format: EventFormat, name: string): ListReader | undefined {
  const field = findField(format, name);
  if (!field) return undefined;
  const extent = extentReader(field);
  const place: Extent = { at: 0, bytes: 0 };
  return (event, list) => {
    extent(event, place);
    list.phys = readWide(event, place, list.phys);
    list.nents = place.bytes >>> 3;
  };
}

/** DMA addresses and lengths of the segments. */
function segmentsReader(format: EventFormat): ListReader | undefined {
  const addressField = findField(format, 'dma_addrs');
  const lengthField = findField(format, 'lengths');
  if (!addressField || !lengthField) return undefined;
  const addresses = extentReader(addressField);
  const lengths = extentReader(lengthField);
  const place: Extent = { at: 0, bytes: 0 };
  return (event, list) => {
    addresses(event, place);
    list.dmaAddr = readWide(event, place, list.dmaAddr);
    const addressCount = place.bytes >>> 3;
    lengths(event, place);
    list.length = readWords(event, place, list.length);
    list.ents = Math.min(addressCount, place.bytes >>> 2);
  };
}

/** `dma_map_sg`: Linux 7.2 records at most 128 entries and says how many there were. */
export function bindMapSg(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const entries = entriesReader(format, 'phys_addrs');
  const segments = segmentsReader(format);
  if (!common || !entries || !segments) return undefined;
  const { device, direction, attrs } = common;
  const fullNents = numberOr(format, 0, 'full_nents');
  const fullEnts = numberOr(format, 0, 'full_ents');
  const list = new GrowingList();
  const { sink, seen } = context;
  return event => {
    seen.hasDevices = true;
    seen.hasDmaApi = true;
    entries(event, list);
    segments(event, list);
    // Kernels that record the lists whole have no counts.
    list.fullNents = fullNents(event) || list.nents;
    list.fullEnts = fullEnts(event) || list.ents;
    sink.dmaMapSg(stamp(context, event), device(event), list, direction(event), attrs(event));
  };
}

/** `dma_unmap_sg`: physical addresses only. */
export function bindUnmapSg(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const entries = entriesReader(format, 'addrs');
  if (!common || !entries) return undefined;
  const { device, direction, attrs } = common;
  const list = new GrowingList();
  const { sink, seen } = context;
  return event => {
    seen.hasDevices = true;
    seen.hasDmaApi = true;
    entries(event, list);
    list.fullNents = list.nents;
    sink.dmaUnmapSg(stamp(context, event), device(event), list, direction(event), attrs(event));
  };
}

/** `dma_sync_sg_for_cpu` and `_for_device`: a sync of each segment. */
export function bindSyncSg(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const segments = segmentsReader(format);
  if (!common || !segments) return undefined;
  const list = new GrowingList();
  return event => {
    segments(event, list);
    const device = common.device(event);
    const direction = common.direction(event);
    for (let i = 0; i < list.ents; i++) {
      const at = stamp(context, event);
      context.sink.dmaSync(at, device, list.dmaAddr[i] as number, list.length[i] as number, direction);
    }
  };
}

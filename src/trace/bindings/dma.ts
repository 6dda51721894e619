import { DMA_KINDS, type DmaKind } from '../../kernel/dma.ts';
import type { EventField, EventFormat } from '../events/event-format.ts';
import { findField, numberReader } from '../events/field-reader.ts';
import { type EventHandler, withRecipe } from '../events/raw-event.ts';
import type { Recipe } from '../events/recipe.ts';
import { type BindingContext, stamp } from './context.ts';
import { commonReaders, numberOr } from './dma-fields.ts';
import { bindMapSg, bindSyncSg, bindUnmapSg } from './dma-sg.ts';

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

function bindMap(format: EventFormat, kind: DmaKind, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const addressField = findField(format, 'dma_addr');
  const sizeField = findField(format, 'size');
  if (!common || !addressField || !sizeField) return undefined;
  const address = numberReader(addressField);
  const size = numberReader(sizeField);
  const phys = numberOr(format, -1, 'phys_addr');
  const { sink, seen } = context;
  const recipe: Recipe = {
    what: 'dma map',
    fields: recipeFields(format, addressField),
    kind: DMA_KINDS.indexOf(kind),
  };
  return withRecipe(event => {
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
  }, recipe);
}

function bindUnmap(format: EventFormat, kind: DmaKind, context: BindingContext): EventHandler | undefined {
  const common = commonReaders(format, context);
  const addressField = findField(format, 'addr', 'dma_addr');
  const sizeField = findField(format, 'size');
  if (!common || !addressField || !sizeField) return undefined;
  const address = numberReader(addressField);
  const size = numberReader(sizeField);
  const { sink, seen } = context;
  const recipe: Recipe = {
    what: 'dma unmap',
    fields: recipeFields(format, addressField),
    kind: DMA_KINDS.indexOf(kind),
  };
  return withRecipe(event => {
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
  }, recipe);
}

/** The fields of a call: device, address, size, physical address, direction, attributes. */
function recipeFields(format: EventFormat, address: EventField): readonly (EventField | undefined)[] {
  const [device, ...others] = ['device', 'size', 'phys_addr', 'dir', 'attrs'].map(name =>
    findField(format, name),
  );
  return [device, address, ...others];
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

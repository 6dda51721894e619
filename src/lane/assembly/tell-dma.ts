import {
  DEVICE_ORDINARY,
  DEVICE_SEEN,
  DEVICE_TRANSLATED,
  DMA_ATTRS,
  DMA_DIRECTION,
  DMA_GENERATION,
  DMA_KIND,
  DMA_NENTS,
  DMA_NEXT_SEGMENT,
  DMA_SIZE,
  EVENT,
  LOUD,
  LOUD_DMA_MAP,
  LOUD_DMA_UNMAP,
  MAP_DEVICE,
  MAP_IOVA_PAGE,
  MAP_PAGES,
  NEW_DEVICE,
  NEW_GIB,
  NEW_THREAD,
  T_LAST_NS,
  T_MAP_DEVICE,
  T_MAP_DOMAIN,
  T_MAP_END,
  T_MAP_IOVA,
  T_UNMAP_END,
  T_UNMAP_IOVA,
} from './board';
import { deviceBits, generationOf } from './devices';
import * as dma from './dma';
import * as event from './event';
import * as iova from './iova';
import { at, floatAt, intAt, toFloat, word } from './memory';
import * as names from './names';
import { field, valueOr } from './recipe';
import { call, isRecent, recentRow, setCall } from './threads';

// The calls of the DMA API, see `tell.ts`.

/** `DMA_ATTRS_THAT_MUST_MATCH` of `kernel/dma.ts`. */
const ATTRS_THAT_MUST_MATCH: i32 = (1 << 4) | (1 << 6) | (1 << 9) | (1 << 10) | (1 << 12) | (1 << 13);
/** `DMA_KINDS.indexOf('single')`. */
const SINGLE: i32 = 0;

/** A call of the DMA API begins. Fields: device. */
export function dmaMapBegin(recipe: usize): i32 {
  const recent = recentRow();
  if (recent === 0) return NEW_THREAD;
  if (!isRecent(recent)) return EVENT;
  const device = names.deviceIn(field(recipe, 0));
  if (device < 0) return names.without(device, NEW_DEVICE);
  const stackCode = names.learnStack();
  if (stackCode !== 0) return stackCode;
  setCall(recent, T_LAST_NS, event.timeNs);
  setCall(recent, T_MAP_DEVICE, device);
  return 0;
}

/** Fields: device, address, size, phys, direction, attributes; and the kind. */
export function dmaMap(recipe: usize): i32 {
  if (word(LOUD) & LOUD_DMA_MAP) return EVENT;
  const recent = recentRow();
  if (recent === 0) return NEW_THREAD;
  const addressAt = field(recipe, 1);
  const sizeAt = field(recipe, 2);
  const physAt = field(recipe, 3);
  const kind = field(recipe, 6);
  if (!isRecent(recent) || !event.isExact(addressAt) || !event.isExact(sizeAt)) return EVENT;
  if (physAt >= 0 && !event.isExact(physAt)) return EVENT;
  const address = event.longField(addressAt);
  const size = event.longField(sizeAt);
  if (address === 0 && kind !== SINGLE) return EVENT;
  const device = names.deviceIn(field(recipe, 0));
  if (device < 0) return names.without(device, NEW_DEVICE);
  const bits = deviceBits(device);
  if ((bits & DEVICE_ORDINARY) === 0 || size === 0 || !dma.canAdd(device, address, size)) return EVENT;
  const page = address >> 12;
  const end = (address + size + 4095) >> 12;
  if (call(recent, T_MAP_IOVA) < toFloat(end << 12) && call(recent, T_MAP_END) > toFloat(address)) {
    // The map just before was made for this device: known, or the host's to learn.
    const id = iova.get(call(recent, T_MAP_DOMAIN) as i32, page);
    if (id < 0) return NEW_GIB;
    if (id === 0 || intAt(at(MAP_DEVICE), id) !== device || (bits & DEVICE_TRANSLATED) === 0) return EVENT;
    if (toFloat(end) > floatAt(at(MAP_IOVA_PAGE), id) + floatAt(at(MAP_PAGES), id)) return EVENT;
  }
  const stackCode = names.learnStack();
  if (stackCode !== 0) return stackCode;
  setCall(recent, T_LAST_NS, event.timeNs);
  const phys: f64 = physAt < 0 ? -1 : toFloat(event.longField(physAt));
  const direction = valueOr(field(recipe, 4), -1);
  const attrs = valueOr(field(recipe, 5), -1);
  dma.add(
    kind,
    device,
    toFloat(address),
    toFloat(size),
    phys,
    direction,
    attrs,
    generationOf(device),
    event.stack,
  );
  return 0;
}

/** Fields as those of {@link dmaMap}, without phys. */
export function dmaUnmap(recipe: usize): i32 {
  if (word(LOUD) & LOUD_DMA_UNMAP) return EVENT;
  const recent = recentRow();
  if (recent === 0) return NEW_THREAD;
  const addressAt = field(recipe, 1);
  const sizeAt = field(recipe, 2);
  const kind = field(recipe, 6);
  if (!event.isExact(addressAt) || !event.isExact(sizeAt)) return EVENT;
  const device = names.deviceIn(field(recipe, 0));
  if (device < 0) return names.without(device, NEW_DEVICE);
  const entry = dma.soleLive(device, toFloat(event.longField(addressAt)));
  if (entry === 0 || floatAt(at(DMA_SIZE), entry) !== toFloat(event.longField(sizeAt))) return EVENT;
  if (
    intAt(at(DMA_KIND), entry) !== kind ||
    intAt(at(DMA_DIRECTION), entry) !== valueOr(field(recipe, 4), -1)
  )
    return EVENT;
  if (((intAt(at(DMA_ATTRS), entry) ^ valueOr(field(recipe, 5), -1)) & ATTRS_THAT_MUST_MATCH) !== 0)
    return EVENT;
  if (intAt(at(DMA_NENTS), entry) !== 0 || intAt(at(DMA_NEXT_SEGMENT), entry) !== 0) return EVENT;
  const bits = deviceBits(device);
  if ((bits & DEVICE_ORDINARY) === 0) return EVENT;
  if ((bits & DEVICE_SEEN) !== 0 && intAt(at(DMA_GENERATION), entry) !== generationOf(device)) return EVENT;
  const stackCode = names.learnStack();
  if (stackCode !== 0) return stackCode;
  dma.undo(entry, event.stack);
  if (kind === SINGLE) {
    setCall(recent, T_UNMAP_IOVA, -1);
    setCall(recent, T_UNMAP_END, -1);
  }
  return 0;
}

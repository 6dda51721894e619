import {
  CALL_BYTES,
  CALL_CONTEXTS,
  CALL_ROWS,
  CALLS,
  DEVICE_COUNT,
  DEVICE_ORDINARY,
  DEVICE_SEEN,
  DEVICE_TRANSLATED,
  DEVICES,
  DMA_ATTRS,
  DMA_DIRECTION,
  DMA_GENERATION,
  DMA_KIND,
  DMA_MAP,
  DMA_MAP_BEGIN,
  DMA_NENTS,
  DMA_NEXT_SEGMENT,
  DMA_SIZE,
  DMA_UNMAP,
  DOMAIN_COUNT,
  EVENT,
  LOSSES_CLOSED,
  LOST_UNTIL,
  LOUD,
  LOUD_ALLOC,
  LOUD_DMA_MAP,
  LOUD_DMA_UNMAP,
  LOUD_FREE,
  LOUD_MAP,
  LOUD_UNMAP,
  MAP_DEVICE,
  MAP_ENTRY,
  MAP_GENERATION,
  MAP_IOVA_PAGE,
  MAP_PAGES,
  MAP_RETURN,
  MAP_TRACEPOINT,
  MAP_WATCHED,
  MISSED_MAPS,
  MISSED_UNMAPS,
  NAMES_DOMAINS,
  NEW_DEVICE,
  NEW_DOMAIN,
  NEW_GIB,
  NEW_STACK,
  NEW_THREAD,
  NEXT_LOSS_END,
  O_GATHERED_END,
  O_GATHERED_START,
  O_HELD,
  O_LOSSES_CLOSED,
  O_MAP_CPU,
  O_MAP_DOMAIN,
  O_MAP_ENTRY_NS,
  O_MAP_IOVA,
  O_MAP_OPEN,
  O_MAP_PHYS,
  O_MAP_PROT,
  O_MAP_REPORTED,
  O_MAP_RETURNED,
  O_MAP_SIZE,
  O_MAP_STACK,
  O_UNMAP_DOMAIN,
  O_UNMAP_ENDED,
  O_UNMAP_ENTRY,
  O_UNMAP_IOVA,
  O_UNMAP_OPEN,
  O_UNMAP_RETURN_DUE,
  O_UNMAP_SIZE,
  O_UNMAP_STACK,
  PAGE_ALLOC,
  PAGE_FREE_EVENT,
  PAGES_ALLOCATED,
  PAGES_FREED,
  R_FIELDS,
  R_PLACE_AT,
  R_PLACE_HIGH,
  R_PLACE_LOW,
  R_WHAT,
  R_WIDE,
  RECENT_BYTES,
  RECENT_CONTEXTS,
  RECENT_ROWS,
  RECENTS,
  SOLE_DEVICES,
  T_LAST_NS,
  T_MAP_DEVICE,
  T_MAP_DOMAIN,
  T_MAP_END,
  T_MAP_IOVA,
  T_UNMAP_DOMAIN,
  T_UNMAP_END,
  T_UNMAP_IOVA,
  THREAD_MASK,
  UNMAP_ENTRY,
  UNMAP_RETURN,
  UNMAP_TRACEPOINT,
} from './board';
import * as dma from './dma';
import * as event from './event';
import * as iova from './iova';
import * as mappings from './mappings';
import { at, floatAt, intAt, setIntAt, setWide, toFloat, wide, word } from './memory';
import * as names from './names';
import * as pages from './pages';
import * as refs from './refs';

// Tells the ordinary cases of the usual events to the tables. Each function first looks whether the case is one, and only
// then changes anything. They return 0 when the event is told, EVENT when it is the host's, or NEW_... when the lane lacks
// a number.

/** Unmaps of this many pages and more are for the rule about long unmaps. */
const LONG_UNMAP: u64 = 512;
/** Longer ranges are no ordinary maps. */
const LONGEST: u64 = 1 << 18;
const LARGEST_ORDER: u32 = 4;
/** `DMA_ATTRS_THAT_MUST_MATCH` of `kernel/dma.ts`. */
const ATTRS_THAT_MUST_MATCH: i32 = (1 << 4) | (1 << 6) | (1 << 9) | (1 << 10) | (1 << 12) | (1 << 13);
/** `DMA_KINDS.indexOf('single')`. */
const SINGLE: i32 = 0;
const PROT_UNKNOWN: i32 = -1;

function call(row: usize, field: i32): f64 {
  return load<f64>(row + (field << 3));
}

function setCall(row: usize, field: i32, value: f64): void {
  store<f64>(row + (field << 3), value);
}

/** The row of the thread of execution in a table of `bytes` each; 0 where the host has to be asked. */
function rowOf(contexts: i32, rows: i32, table: i32, bytes: usize): usize {
  const slot = event.context & THREAD_MASK;
  if (intAt(at(contexts), slot) !== event.context) return 0;
  return at(table) + (intAt(at(rows), slot) as usize) * bytes;
}

function callsRow(): usize {
  return rowOf(CALL_CONTEXTS, CALL_ROWS, CALLS, CALL_BYTES);
}

function recentRow(): usize {
  return rowOf(RECENT_CONTEXTS, RECENT_ROWS, RECENTS, RECENT_BYTES);
}

/** Whether the calls of the thread can go on: none is held, and no loss has closed since. */
function goesOn(row: usize): bool {
  return (
    event.timeNs < wide(NEXT_LOSS_END) &&
    call(row, O_LOSSES_CLOSED) === (word(LOSSES_CLOSED) as f64) &&
    call(row, O_HELD) === 0
  );
}

/** Whether what the thread did last is not from before a loss. */
function isRecent(row: usize): bool {
  const lost = wide(LOST_UNTIL);
  return !(call(row, T_LAST_NS) < lost && lost <= event.timeNs);
}

function deviceBits(device: i32): i32 {
  return device < word(DEVICE_COUNT) ? intAt(at(DEVICES), device * 2) : 0;
}

function generationOf(device: i32): i32 {
  return intAt(at(DEVICES), device * 2 + 1);
}

function soleDevice(domain: i32): i32 {
  return domain < word(DOMAIN_COUNT) ? intAt(at(SOLE_DEVICES), domain) : 0;
}

/** What to answer where a name has no id, see `names.ts`. */
function without(id: i32, ask: i32): i32 {
  return id === names.NEVER ? EVENT : ask;
}

/** Gives the event the id of its stack: 0, or what to answer where it has none yet. */
function learnStack(): i32 {
  if (event.frameBytes === 0) return 0;
  const id = names.stackOfEvent();
  if (id < 0) return without(id, NEW_STACK);
  event.setStack(id);
  return 0;
}

/** Whether a probe sits on the function that its recipe is for. */
function isAtPlace(recipe: usize): bool {
  const place = intAt(recipe, R_PLACE_AT);
  return (
    event.wordField(place) === intAt(recipe, R_PLACE_LOW) &&
    event.wordField(place + 4) === intAt(recipe, R_PLACE_HIGH)
  );
}

/** The offset of a field. */
function field(recipe: usize, index: i32): i32 {
  return intAt(recipe, R_FIELDS + index);
}

/** Whether all fields of 32 bits that the record holds in 64 are that small. */
function areNarrow(recipe: usize, fields: i32): bool {
  for (let i = 0; fields >> i !== 0; i++) {
    if (((fields >> i) & 1) !== 0 && event.wordField(field(recipe, i) + 4) !== 0) return false;
  }
  return true;
}

export function tell(recipe: usize): i32 {
  const wideFields = intAt(recipe, R_WIDE);
  if (wideFields !== 0 && !areNarrow(recipe, wideFields)) return EVENT;
  switch (intAt(recipe, R_WHAT)) {
    case MAP_ENTRY:
      return isAtPlace(recipe) ? mapEntry(recipe) : EVENT;
    case MAP_TRACEPOINT:
      return mapTracepoint(recipe);
    case MAP_RETURN:
      return isAtPlace(recipe) ? mapReturn() : EVENT;
    case UNMAP_ENTRY:
      return isAtPlace(recipe) ? unmapEntry(recipe) : EVENT;
    case UNMAP_TRACEPOINT:
      return unmapTracepoint(recipe);
    case UNMAP_RETURN:
      return isAtPlace(recipe) ? unmapReturn() : EVENT;
    case DMA_MAP_BEGIN:
      return isAtPlace(recipe) ? dmaMapBegin(recipe) : EVENT;
    case PAGE_ALLOC:
      return pageEvent(recipe, 0, LOUD_ALLOC, PAGES_ALLOCATED);
    case PAGE_FREE_EVENT:
      return pageEvent(recipe, 1, LOUD_FREE, PAGES_FREED);
    case DMA_MAP:
      return dmaMap(recipe);
    case DMA_UNMAP:
      return dmaUnmap(recipe);
    default:
      return EVENT;
  }
}

/** Fields: domain, iova, phys, size, prot. */
function mapEntry(recipe: usize): i32 {
  const row = callsRow();
  if (row === 0) return NEW_THREAD;
  if (!goesOn(row) || !event.isExact(field(recipe, 1)) || !event.isExact(field(recipe, 2))) return EVENT;
  if (!event.isExact(field(recipe, 3))) return EVENT;
  const domain = names.domainIn(field(recipe, 0));
  if (domain < 0) return NEW_DOMAIN;
  const address = toFloat(event.longField(field(recipe, 1)));
  const isMissed =
    call(row, O_MAP_OPEN) !== 0 && (call(row, O_MAP_DOMAIN) !== domain || call(row, O_MAP_IOVA) !== address);
  if (isMissed && call(row, O_MAP_REPORTED) === 0) return EVENT;
  const stackCode = learnStack();
  if (stackCode !== 0) return stackCode;
  if (isMissed) setWide(MISSED_MAPS, wide(MISSED_MAPS) + 1);
  setCall(row, O_MAP_OPEN, 1);
  setCall(row, O_MAP_REPORTED, 0);
  setCall(row, O_MAP_RETURNED, 0);
  setCall(row, O_MAP_DOMAIN, domain);
  setCall(row, O_MAP_IOVA, address);
  setCall(row, O_MAP_PHYS, toFloat(event.longField(field(recipe, 2))));
  setCall(row, O_MAP_SIZE, toFloat(event.longField(field(recipe, 3))));
  const prot = field(recipe, 4);
  setCall(row, O_MAP_PROT, prot < 0 ? PROT_UNKNOWN : (event.wordField(prot) as u32 as f64));
  setCall(row, O_MAP_STACK, event.stack);
  setCall(row, O_MAP_CPU, event.cpu);
  setCall(row, O_MAP_ENTRY_NS, event.timeNs);
  return 0;
}

/** Fields: iova, phys, size. */
function mapTracepoint(recipe: usize): i32 {
  if (word(LOUD) & LOUD_MAP) return EVENT;
  const row = callsRow();
  const recent = recentRow();
  if (row === 0 || recent === 0) return NEW_THREAD;
  if (!goesOn(row) || !isRecent(recent) || word(NAMES_DOMAINS) === 0) return EVENT;
  if (
    !event.isExact(field(recipe, 0)) ||
    !event.isExact(field(recipe, 1)) ||
    !event.isExact(field(recipe, 2))
  )
    return EVENT;
  const address = event.longField(field(recipe, 0));
  const phys = event.longField(field(recipe, 1));
  const size = event.longField(field(recipe, 2));
  if (call(row, O_MAP_OPEN) === 0 || call(row, O_MAP_REPORTED) !== 0) return EVENT;
  if (call(row, O_MAP_IOVA) !== toFloat(address)) return EVENT;
  // Ranges that are no whole pages, and what nothing can be said of, are for the host.
  if (size === 0 || ((address | phys | size) & 4095) !== 0) return EVENT;
  const page = address >> 12;
  const frame = phys >> 12;
  const count = size >> 12;
  if (count > LONGEST) return EVENT;
  const domain = call(row, O_MAP_DOMAIN) as i32;
  if (domain === 0) return EVENT;
  const free = iova.canMap(domain, page, count);
  if (free < 0) return NEW_GIB;
  if (free === 0 || !refs.canAdd(frame, count)) return EVENT;

  const named = call(recent, T_MAP_DEVICE) as i32;
  const device = soleDevice(domain);
  if (named !== 0 && named !== device) return EVENT;
  if (device !== 0) {
    const bits = deviceBits(device);
    if ((bits & DEVICE_ORDINARY) === 0 || (named !== 0 && (bits & DEVICE_TRANSLATED) === 0)) return EVENT;
  }
  const stackCode = learnStack();
  if (stackCode !== 0) return stackCode;
  const stack = event.stack !== 0 ? event.stack : (call(row, O_MAP_STACK) as i32);
  if (!mappings.canAdd(stack)) return EVENT;

  setCall(row, O_MAP_REPORTED, 1);
  const id = mappings.add(domain, page, frame, count, call(row, O_MAP_PROT) as i64 as i32, stack);
  iova.map(domain, page, count, id);
  refs.add(frame, count);
  if (device !== 0) {
    setIntAt(at(MAP_DEVICE), id, device);
    setIntAt(at(MAP_GENERATION), id, generationOf(device));
  }
  setCall(recent, T_LAST_NS, event.timeNs);
  setCall(recent, T_MAP_DEVICE, 0);
  setCall(recent, T_MAP_DOMAIN, domain);
  setCall(recent, T_MAP_IOVA, toFloat(address));
  setCall(recent, T_MAP_END, toFloat(address + size));
  return 0;
}

/** The return adds nothing to what the tracepoint has told. */
function mapReturn(): i32 {
  const row = callsRow();
  if (row === 0) return NEW_THREAD;
  if (call(row, O_MAP_OPEN) === 0 || call(row, O_MAP_REPORTED) === 0) return EVENT;
  setCall(row, O_MAP_OPEN, 0);
  setCall(row, O_MAP_RETURNED, 1);
  return 0;
}

/** Fields: domain, iova, size. */
function unmapEntry(recipe: usize): i32 {
  const row = callsRow();
  if (row === 0) return NEW_THREAD;
  if (!goesOn(row) || call(row, O_UNMAP_OPEN) !== 0) return EVENT;
  if (!event.isExact(field(recipe, 1)) || !event.isExact(field(recipe, 2))) return EVENT;
  const size = event.longField(field(recipe, 2));
  if (size >= LONG_UNMAP << 12) return EVENT;
  const domain = names.domainIn(field(recipe, 0));
  if (domain < 0) return NEW_DOMAIN;
  const stackCode = learnStack();
  if (stackCode !== 0) return stackCode;
  if (call(row, O_UNMAP_RETURN_DUE) !== 0) setWide(MISSED_UNMAPS, wide(MISSED_UNMAPS) + 1);
  setCall(row, O_UNMAP_OPEN, 1);
  setCall(row, O_UNMAP_RETURN_DUE, 1);
  setCall(row, O_UNMAP_ENDED, 0);
  setCall(row, O_UNMAP_DOMAIN, domain);
  setCall(row, O_UNMAP_IOVA, toFloat(event.longField(field(recipe, 1))));
  setCall(row, O_UNMAP_SIZE, toFloat(size));
  setCall(row, O_UNMAP_STACK, event.stack);
  setCall(row, O_UNMAP_ENTRY, event.timeNs);
  setCall(row, O_UNMAP_ENTRY + 1, event.cpu);
  setCall(row, O_UNMAP_ENTRY + 2, event.pid);
  setCall(row, O_UNMAP_ENTRY + 3, event.context);
  setCall(row, O_UNMAP_ENTRY + 4, event.stack);
  setCall(row, O_UNMAP_ENTRY + 5, event.position);
  return 0;
}

/** Fields: iova, size, unmapped size. */
function unmapTracepoint(recipe: usize): i32 {
  if (word(LOUD) & LOUD_UNMAP) return EVENT;
  const row = callsRow();
  const recent = recentRow();
  if (row === 0 || recent === 0) return NEW_THREAD;
  if (!goesOn(row) || !isRecent(recent) || call(row, O_UNMAP_OPEN) === 0) return EVENT;
  if (!event.isExact(field(recipe, 0)) || !event.isExact(field(recipe, 1))) return EVENT;
  const address = event.longField(field(recipe, 0));
  const size = event.longField(field(recipe, 1));
  if (event.longField(field(recipe, 2)) !== size || size === 0 || ((address | size) & 4095) !== 0)
    return EVENT;
  if (size >= LONG_UNMAP << 12) return EVENT;
  if (call(row, O_UNMAP_IOVA) !== toFloat(address) || call(row, O_UNMAP_SIZE) !== toFloat(size)) return EVENT;
  const domain = call(row, O_UNMAP_DOMAIN) as i32;
  if (domain === 0) return EVENT;
  const page = address >> 12;
  const count = size >> 12;
  const first = iova.get(domain, page);
  if (first < 0) return NEW_GIB;
  if (first === 0 || iova.collect(domain, page, count) !== 1) return EVENT;
  for (let i = 0; i < iova.runs; i++) {
    if (!isOrdinaryEnd(iova.runId(i), domain)) return EVENT;
    if (!refs.canRemove(mappings.frameAt(iova.runId(i), iova.runStart(i)), iova.runLength(i))) return EVENT;
  }
  if (!mappings.canEnd(iova.runs)) return EVENT;
  const stackCode = learnStack();
  if (stackCode !== 0) return stackCode;
  const stack = event.stack !== 0 ? event.stack : (call(row, O_UNMAP_STACK) as i32);

  setCall(row, O_UNMAP_OPEN, 0);
  setCall(row, O_UNMAP_ENDED, 1);
  const from = toFloat(address);
  const to = toFloat(address + size);
  if (from < call(row, O_GATHERED_START)) setCall(row, O_GATHERED_START, from);
  if (to > call(row, O_GATHERED_END)) setCall(row, O_GATHERED_END, to);
  iova.clear(domain, page, count);
  for (let i = 0; i < iova.runs; i++) {
    const id = iova.runId(i);
    refs.remove(mappings.frameAt(id, iova.runStart(i)), iova.runLength(i));
    const own = intAt(at(MAP_DEVICE), id);
    mappings.end(id, iova.runStart(i), iova.runLength(i), own !== 0 ? own : soleDevice(domain), stack);
  }
  setCall(recent, T_LAST_NS, event.timeNs);
  setCall(recent, T_UNMAP_DOMAIN, domain);
  setCall(recent, T_UNMAP_IOVA, from);
  setCall(recent, T_UNMAP_END, to);
  return 0;
}

/** The return of an unmap of which the tracepoint has told all. */
function unmapReturn(): i32 {
  const row = callsRow();
  if (row === 0) return NEW_THREAD;
  if (!goesOn(row) || call(row, O_UNMAP_OPEN) !== 0) return EVENT;
  const stackCode = learnStack();
  if (stackCode !== 0) return stackCode;
  setCall(row, O_UNMAP_RETURN_DUE, 0);
  return 0;
}

/** A call of the DMA API begins. Fields: device. */
function dmaMapBegin(recipe: usize): i32 {
  const recent = recentRow();
  if (recent === 0) return NEW_THREAD;
  if (!isRecent(recent)) return EVENT;
  const device = names.deviceIn(field(recipe, 0));
  if (device < 0) return without(device, NEW_DEVICE);
  const stackCode = learnStack();
  if (stackCode !== 0) return stackCode;
  setCall(recent, T_LAST_NS, event.timeNs);
  setCall(recent, T_MAP_DEVICE, device);
  return 0;
}

/** Whether nobody wants to be told that the mapping ends: nobody has marked it, and its driver is the one that made it. */
function isOrdinaryEnd(id: i32, domain: i32): bool {
  if (intAt(at(MAP_WATCHED), id) !== 0) return false;
  const own = intAt(at(MAP_DEVICE), id);
  const device = own !== 0 ? own : soleDevice(domain);
  if (device === 0) return true;
  if ((deviceBits(device) & DEVICE_ORDINARY) === 0) return false;
  return own === 0 || intAt(at(MAP_GENERATION), id) === generationOf(device);
}

/** Fields: pfn, order. */
function pageEvent(recipe: usize, which: i32, loud: i32, counter: i32): i32 {
  const pfn = event.longField(field(recipe, 0));
  // An allocation that failed.
  if (pfn >> 32 === 0xffff_ffff) return 0;
  if ((word(LOUD) & loud) !== 0 || !event.isExact(field(recipe, 0))) return EVENT;
  const order = event.wordField(field(recipe, 1)) as u32;
  if (order > LARGEST_ORDER) return EVENT;
  const count: u32 = 1 << order;
  if (refs.anyMapped(pfn, count) !== 0 || !pages.canNote(pfn, count)) return EVENT;
  const stackCode = learnStack();
  if (stackCode !== 0) return stackCode;
  pages.note(pfn, count, which);
  setWide(counter, wide(counter) + (count as f64));
  return 0;
}

/** Fields: device, address, size, phys, direction, attributes; and the kind. */
function dmaMap(recipe: usize): i32 {
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
  if (device < 0) return without(device, NEW_DEVICE);
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
  const stackCode = learnStack();
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

function valueOr(offset: i32, otherwise: i32): i32 {
  return offset < 0 ? otherwise : event.wordField(offset);
}

/** Fields as those of {@link dmaMap}, without phys. */
function dmaUnmap(recipe: usize): i32 {
  if (word(LOUD) & LOUD_DMA_UNMAP) return EVENT;
  const recent = recentRow();
  if (recent === 0) return NEW_THREAD;
  const addressAt = field(recipe, 1);
  const sizeAt = field(recipe, 2);
  const kind = field(recipe, 6);
  if (!event.isExact(addressAt) || !event.isExact(sizeAt)) return EVENT;
  const device = names.deviceIn(field(recipe, 0));
  if (device < 0) return without(device, NEW_DEVICE);
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
  const stackCode = learnStack();
  if (stackCode !== 0) return stackCode;
  dma.undo(entry, event.stack);
  if (kind === SINGLE) {
    setCall(recent, T_UNMAP_IOVA, -1);
    setCall(recent, T_UNMAP_END, -1);
  }
  return 0;
}

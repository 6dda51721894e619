import {
  COUNTS_ALL,
  DEVICE_ORDINARY,
  DEVICE_TRANSLATED,
  EVENT,
  MAP_DEVICE,
  MAP_GENERATION,
  MAP_LEFT,
  MAP_WATCHED,
  NEW_GIB,
  PAGES_ALLOCATED,
  PAGES_FREED,
  T_BEGUN,
  T_BEGUN_IOVA,
  T_LAST_NS,
  T_MAP_DEVICE,
  T_MAP_DOMAIN,
  T_MAP_END,
  T_MAP_IOVA,
  T_UNMAP_DOMAIN,
  T_UNMAP_END,
  T_UNMAP_IOVA,
} from './board';
import { deviceBits, generationOf, isOrdinaryEnd, soleDevice } from './devices';
import * as drain from './drain';
import * as event from './event';
import * as iova from './iova';
import * as mappings from './mappings';
import { at, floatAt, intAt, setIntAt, setWide, toFloat, wide, word } from './memory';
import * as pages from './pages';
import * as refs from './refs';
import { call, setCall } from './threads';
import * as uncount from './uncount';

// What the shadow does with what an ordinary event has told, which is in hand. Pages have 4 KiB; `recent` is the row of the
// thread of execution, which says what its last calls were. The functions return as those of `tell.ts` do.

/** Longer ranges are no ordinary maps. */
const LONGEST: u64 = 1 << 18;
/** Pages of a *large* unmap: `isLargeUnmap` of `shadow/recent-calls.ts`. */
const LARGE_UNMAP: u64 = 512;
/** A large unmap that takes longer is for the rule about long unmaps: `LONG_IN_INTERRUPT_NS` of it. */
const LONG_NS: f64 = 10e6;
/** In more pages than this there may be more mappings than can be listed: `MOST_RUNS` of `iova.ts`. */
const MANY: u64 = 128;

/** Larger blocks do not exist: `LARGEST_ORDER` of `shadow/page-history.ts`. */
const LARGEST_ORDER: u32 = 20;

/** `Shadow.iommuMap`. */
export function map(
  recent: usize,
  domain: i32,
  page: u64,
  frame: u64,
  count: u64,
  prot: i32,
  stack: i32,
): i32 {
  if (count > LONGEST) return EVENT;
  const free = iova.canMap(domain, page, count);
  if (free < 0) return NEW_GIB;
  if (free === 0 || !refs.canAdd(frame, count) || !mappings.canAdd(stack)) return EVENT;
  const named = call(recent, T_MAP_DEVICE) as i32;
  const device = soleDevice(domain);
  if (named !== 0 && named !== device) return EVENT;
  if (device !== 0) {
    const bits = deviceBits(device);
    if ((bits & DEVICE_ORDINARY) === 0 || (named !== 0 && (bits & DEVICE_TRANSLATED) === 0)) return EVENT;
  }

  const id = mappings.add(domain, page, frame, count, prot, stack);
  iova.map(domain, page, count, id);
  refs.add(frame, count);
  if (device !== 0) {
    setIntAt(at(MAP_DEVICE), id, device);
    setIntAt(at(MAP_GENERATION), id, generationOf(device));
  }
  setCall(recent, T_LAST_NS, event.timeNs);
  setCall(recent, T_MAP_DEVICE, 0);
  setCall(recent, T_MAP_DOMAIN, domain);
  setCall(recent, T_MAP_IOVA, toFloat(page << 12));
  setCall(recent, T_MAP_END, toFloat((page + count) << 12));
  return 0;
}

/** Whether the begin of an unmap is to be kept, as {@link unmapBegin} does. */
export function isLarge(count: u64): bool {
  return count >= LARGE_UNMAP;
}

/** `Shadow.iommuUnmapBegin` of a large one. */
export function unmapBegin(recent: usize, address: u64): void {
  setCall(recent, T_BEGUN_IOVA, toFloat(address));
  setCall(recent, T_BEGUN, event.timeNs);
  setCall(recent, T_BEGUN + 1, event.position);
  setCall(recent, T_BEGUN + 2, event.cpu);
  setCall(recent, T_BEGUN + 3, event.pid);
  setCall(recent, T_BEGUN + 4, event.stack);
}

/** `Shadow.iommuUnmapEnd`, of as much as was asked. */
export function unmap(recent: usize, domain: i32, page: u64, count: u64, stack: i32): i32 {
  const from = toFloat(page << 12);
  const large = isLarge(count);
  if (large && call(recent, T_BEGUN_IOVA) === from && event.timeNs - call(recent, T_BEGUN) >= LONG_NS)
    return EVENT;
  const first = iova.get(domain, page);
  if (first < 0) return NEW_GIB;
  if (first === 0 || word(COUNTS_ALL) === 0) return EVENT;
  if (!(count === 1 && endPage(domain, page, first, stack)) && !endListed(domain, page, count, stack)) {
    if (count <= MANY || drain.canDrain(domain, page, count) !== 1) return EVENT;
    drain.drain(domain, page, count, stack);
  }
  setCall(recent, T_LAST_NS, event.timeNs);
  setCall(recent, T_UNMAP_DOMAIN, domain);
  setCall(recent, T_UNMAP_IOVA, from);
  setCall(recent, T_UNMAP_END, toFloat((page + count) << 12));
  if (large) setCall(recent, T_BEGUN_IOVA, -1);
  return 0;
}

/** Ends a mapping of one page, if that is all. */
function endPage(domain: i32, page: u64, id: i32, stack: i32): bool {
  if (floatAt(at(MAP_LEFT), id) !== 1 || intAt(at(MAP_WATCHED), id) !== 0) return false;
  const frame = mappings.frameAt(id, page);
  uncount.startRemoving();
  if (!isOrdinaryEnd(id, domain) || !uncount.canRemove(frame, 1) || !mappings.canEnd(1)) return false;
  if (!iova.clearPage(domain, page)) return false;
  uncount.remove(frame, 1);
  mappings.end(id, page, 1, domain, mappings.noteEnd(stack));
  return true;
}

/** Ends the mappings in a range, or takes parts of them away, if they are few and nobody wants to be told. */
function endListed(domain: i32, page: u64, count: u64, stack: i32): bool {
  if (iova.collect(domain, page, count) !== 1) return false;
  uncount.startRemoving();
  for (let i = 0; i < iova.runs; i++) {
    const id = iova.runId(i);
    if (intAt(at(MAP_WATCHED), id) !== 0 || !isOrdinaryEnd(id, domain)) return false;
    if (!uncount.canRemove(mappings.frameAt(id, iova.runStart(i)), iova.runLength(i))) return false;
  }
  if (!mappings.canEnd(iova.runs)) return false;

  iova.clear(domain, page, count);
  const end = mappings.noteEnd(stack);
  for (let i = 0; i < iova.runs; i++) {
    const id = iova.runId(i);
    uncount.remove(mappings.frameAt(id, iova.runStart(i)), iova.runLength(i));
    mappings.end(id, iova.runStart(i), iova.runLength(i), domain, end);
  }
  return true;
}

/** `Shadow.pageAlloc` and `pageFree` of a block that no mapping reaches. */
export function page(pfn: u64, order: u32, which: i32): i32 {
  if (order > LARGEST_ORDER) return EVENT;
  const count: u32 = 1 << order;
  if (refs.anyMapped(pfn, count) !== 0 || !pages.canNote(pfn, order)) return EVENT;
  pages.note(order, which);
  const counter = which === pages.ALLOC ? PAGES_ALLOCATED : PAGES_FREED;
  setWide(counter, wide(counter) + (count as f64));
  return 0;
}

import {
  COUNTS_ALL,
  DEVICE_ORDINARY,
  DEVICE_TRANSLATED,
  EVENT,
  LOUD,
  LOUD_MAP,
  LOUD_UNMAP,
  MAP_DEVICE,
  MAP_GENERATION,
  MAP_WATCHED,
  MISSED_MAPS,
  MISSED_UNMAPS,
  NAMES_DOMAINS,
  NEW_DOMAIN,
  NEW_GIB,
  NEW_THREAD,
  O_GATHERED_END,
  O_GATHERED_START,
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
import { deviceBits, generationOf, soleDevice } from './devices';
import * as drain from './drain';
import * as event from './event';
import * as iova from './iova';
import * as mappings from './mappings';
import { at, intAt, setIntAt, setWide, toFloat, wide, word } from './memory';
import * as names from './names';
import { field } from './recipe';
import * as refs from './refs';
import { call, callsRow, goesOn, isRecent, recentRow, setCall } from './threads';

// The calls of the IOMMU API, see `tell.ts`.

/** Bytes of a *large* unmap: `isLargeUnmap` of `shadow/recent-calls.ts`. */
const LARGE_UNMAP: u64 = 512 << 12;
/** A large unmap that takes longer is for the rule about long unmaps: `LONG_IN_INTERRUPT_NS` of it. */
const LONG_NS: f64 = 10e6;
/** Of more pages than this, the mappings are not listed: `MOST_RUNS` of `iova.ts`. */
const MANY: u64 = 128;
/** Longer ranges are no ordinary maps. */
const LONGEST: u64 = 1 << 18;
const PROT_UNKNOWN: i32 = -1;

/** Fields: domain, iova, phys, size, prot. */
export function mapEntry(recipe: usize): i32 {
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
  const stackCode = names.learnStack();
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
export function mapTracepoint(recipe: usize): i32 {
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
  const stackCode = names.learnStack();
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
export function mapReturn(): i32 {
  const row = callsRow();
  if (row === 0) return NEW_THREAD;
  if (call(row, O_MAP_OPEN) === 0 || call(row, O_MAP_REPORTED) === 0) return EVENT;
  setCall(row, O_MAP_OPEN, 0);
  setCall(row, O_MAP_RETURNED, 1);
  return 0;
}

/** Fields: domain, iova, size. */
export function unmapEntry(recipe: usize): i32 {
  const row = callsRow();
  if (row === 0) return NEW_THREAD;
  if (!goesOn(row) || call(row, O_UNMAP_OPEN) !== 0) return EVENT;
  if (!event.isExact(field(recipe, 1)) || !event.isExact(field(recipe, 2))) return EVENT;
  const size = event.longField(field(recipe, 2));
  const recent: usize = size < LARGE_UNMAP ? 0 : recentRow();
  if (size >= LARGE_UNMAP && recent === 0) return NEW_THREAD;
  const domain = names.domainIn(field(recipe, 0));
  if (domain < 0) return NEW_DOMAIN;
  const stackCode = names.learnStack();
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
  if (recent === 0) return 0;
  setCall(recent, T_BEGUN_IOVA, toFloat(event.longField(field(recipe, 1))));
  setCall(recent, T_BEGUN, event.timeNs);
  setCall(recent, T_BEGUN + 1, event.position);
  setCall(recent, T_BEGUN + 2, event.cpu);
  setCall(recent, T_BEGUN + 3, event.pid);
  setCall(recent, T_BEGUN + 4, event.stack);
  return 0;
}

/** Fields: iova, size, unmapped size. */
export function unmapTracepoint(recipe: usize): i32 {
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
  const from = toFloat(address);
  const to = toFloat(address + size);
  if (call(row, O_UNMAP_IOVA) !== from || call(row, O_UNMAP_SIZE) !== toFloat(size)) return EVENT;
  const isLarge = size >= LARGE_UNMAP;
  if (isLarge && call(recent, T_BEGUN_IOVA) === from && event.timeNs - call(recent, T_BEGUN) >= LONG_NS)
    return EVENT;
  const domain = call(row, O_UNMAP_DOMAIN) as i32;
  if (domain === 0) return EVENT;
  const page = address >> 12;
  const count = size >> 12;
  const first = iova.get(domain, page);
  if (first < 0) return NEW_GIB;
  if (first === 0 || word(COUNTS_ALL) === 0) return EVENT;
  const isListed = count <= MANY || iova.isOneSlot();
  if (!(isListed ? canEndListed(domain, page, count) : drain.canDrain(domain, page, count) === 1))
    return EVENT;
  const stackCode = names.learnStack();
  if (stackCode !== 0) return stackCode;
  const stack = event.stack !== 0 ? event.stack : (call(row, O_UNMAP_STACK) as i32);

  setCall(row, O_UNMAP_OPEN, 0);
  setCall(row, O_UNMAP_ENDED, 1);
  if (from < call(row, O_GATHERED_START)) setCall(row, O_GATHERED_START, from);
  if (to > call(row, O_GATHERED_END)) setCall(row, O_GATHERED_END, to);
  if (isListed) endListed(domain, page, count, stack);
  else drain.drain(domain, page, count, stack);
  setCall(recent, T_LAST_NS, event.timeNs);
  setCall(recent, T_UNMAP_DOMAIN, domain);
  setCall(recent, T_UNMAP_IOVA, from);
  setCall(recent, T_UNMAP_END, to);
  if (isLarge) setCall(recent, T_BEGUN_IOVA, -1);
  return 0;
}

/** Whether the mappings in the range, which are few, can be ended. */
function canEndListed(domain: i32, page: u64, count: u64): bool {
  if (iova.collect(domain, page, count) !== 1) return false;
  refs.startRemoving();
  for (let i = 0; i < iova.runs; i++) {
    const id = iova.runId(i);
    if (intAt(at(MAP_WATCHED), id) !== 0 || !drain.isOrdinaryEnd(id, domain)) return false;
    if (!refs.canRemove(mappings.frameAt(id, iova.runStart(i)), iova.runLength(i))) return false;
  }
  return mappings.canEnd(iova.runs);
}

function endListed(domain: i32, page: u64, count: u64, stack: i32): void {
  iova.clear(domain, page, count);
  for (let i = 0; i < iova.runs; i++) {
    const id = iova.runId(i);
    refs.remove(mappings.frameAt(id, iova.runStart(i)), iova.runLength(i));
    mappings.end(id, iova.runStart(i), iova.runLength(i), domain, stack);
  }
}

/** The return of an unmap of which the tracepoint has told all. */
export function unmapReturn(): i32 {
  const row = callsRow();
  if (row === 0) return NEW_THREAD;
  if (!goesOn(row) || call(row, O_UNMAP_OPEN) !== 0) return EVENT;
  const stackCode = names.learnStack();
  if (stackCode !== 0) return stackCode;
  setCall(row, O_UNMAP_RETURN_DUE, 0);
  return 0;
}

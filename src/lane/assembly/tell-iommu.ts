import {
  EVENT,
  LOUD,
  LOUD_MAP,
  LOUD_UNMAP,
  MISSED_MAPS,
  MISSED_UNMAPS,
  NAMES_DOMAINS,
  NEW_DOMAIN,
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
} from './board';
import * as event from './event';
import { setWide, toFloat, wide, word } from './memory';
import * as names from './names';
import { field } from './recipe';
import * as shadow from './shadow';
import { call, callsRow, goesOn, isRecent, recentRow, setCall } from './threads';

// The calls of the IOMMU API, see `tell.ts`.

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
  const domain = call(row, O_MAP_DOMAIN) as i32;
  if (domain === 0) return EVENT;
  const stackCode = names.learnStack();
  if (stackCode !== 0) return stackCode;
  const stack = event.stack !== 0 ? event.stack : (call(row, O_MAP_STACK) as i32);
  const prot = call(row, O_MAP_PROT) as i64 as i32;
  const code = shadow.map(recent, domain, address >> 12, phys >> 12, size >> 12, prot, stack);
  if (code === 0) setCall(row, O_MAP_REPORTED, 1);
  return code;
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
  const isLarge = shadow.isLarge(size >> 12);
  const recent: usize = isLarge ? recentRow() : 0;
  if (isLarge && recent === 0) return NEW_THREAD;
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
  if (isLarge) shadow.unmapBegin(recent, event.longField(field(recipe, 1)));
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
  const domain = call(row, O_UNMAP_DOMAIN) as i32;
  if (domain === 0) return EVENT;
  const stackCode = names.learnStack();
  if (stackCode !== 0) return stackCode;
  const stack = event.stack !== 0 ? event.stack : (call(row, O_UNMAP_STACK) as i32);
  const code = shadow.unmap(recent, domain, address >> 12, size >> 12, stack);
  if (code !== 0) return code;
  setCall(row, O_UNMAP_OPEN, 0);
  setCall(row, O_UNMAP_ENDED, 1);
  if (from < call(row, O_GATHERED_START)) setCall(row, O_GATHERED_START, from);
  if (to > call(row, O_GATHERED_END)) setCall(row, O_GATHERED_END, to);
  return 0;
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

import { NEW_GIB } from '../src/lane/assembly/board';
import * as event from '../src/lane/assembly/event';
import { board, end, setGib } from '../src/lane/assembly/index';
import * as pages from '../src/lane/assembly/pages';
import { settle } from '../src/lane/assembly/ref-nodes';
import * as shadow from '../src/lane/assembly/shadow';
import { recentRow } from '../src/lane/assembly/threads';

// What the lane calls once it has read an event, called without events: the shadow alone, see shadow.mjs. AssemblyScript.

export { board, end, setGib };

/** A call: what, pages, page, frame. */
const CALL_BYTES: usize = 24;
const ALLOC = 0;
const FREE = 1;
const MAP = 2;

/** Calls for as many events as a sub-buffer of 4 KiB has. */
const AHEAD = 64;

const PROT_READ_WRITE = 3;
const THREAD = 1;

let timeNs: f64 = 1e9;
let position: f64 = 0;
let asked: i32 = 0;

/** Makes calls; returns how many, or fewer where the host is to do one. */
export function play(calls: usize, count: i32, domain: i32): i32 {
  let i = 0;
  asked = 0;
  for (; i < count; i++) {
    if (i % AHEAD === 0) lookAhead(calls, i, min<i32>(count, i + AHEAD));
    event.happen(timeNs + (i as f64) * 100, position + (i as f64) * 64, 0, THREAD, THREAD);
    const call = calls + (i as usize) * CALL_BYTES;
    const pages = load<i32>(call + 4);
    const page = load<f64>(call + 8) as i64 as u64;
    const frame = load<f64>(call + 16) as i64 as u64;
    const code = tell(load<i32>(call), domain, page, frame, pages);
    if (code === 0) continue;
    asked = code;
    break;
  }
  settle();
  timeNs += (i as f64) * 100;
  position += (i as f64) * 64;
  return i;
}

/** As the lane does for the records of a sub-buffer. */
function lookAhead(calls: usize, from: i32, to: i32): void {
  for (let i = from; i < to; i++) {
    const call = calls + (i as usize) * CALL_BYTES;
    if (load<i32>(call) > FREE) continue;
    pages.touch(load<f64>(call + 16) as i64 as u64, 31 - clz(load<i32>(call + 4)));
  }
}

/** Whether the host was asked for the slot of a GiB. */
export function wantsGib(): bool {
  return asked === NEW_GIB;
}

function tell(what: i32, domain: i32, page: u64, frame: u64, pages: i32): i32 {
  switch (what) {
    case ALLOC:
    case FREE:
      return shadow.page(frame, 31 - clz(pages), what);
    case MAP:
      return shadow.map(recentRow(), domain, page, frame, pages, PROT_READ_WRITE, 0);
    // An unmap.
    default:
      if (shadow.isLarge(pages)) shadow.unmapBegin(recentRow(), page << 12);
      return shadow.unmap(recentRow(), domain, page, pages, 0);
  }
}

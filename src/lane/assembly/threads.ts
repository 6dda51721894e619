import {
  CALL_BYTES,
  CALL_CONTEXTS,
  CALL_ROWS,
  CALLS,
  LOSSES_CLOSED,
  LOST_UNTIL,
  NEXT_LOSS_END,
  O_HELD,
  O_LOSSES_CLOSED,
  RECENT_BYTES,
  RECENT_CONTEXTS,
  RECENT_ROWS,
  RECENTS,
  T_LAST_NS,
  THREAD_MASK,
} from './board';
import * as event from './event';
import { at, intAt, wide, word } from './memory';

// The rows of the threads of execution: `OpenCalls` of the bindings and `RecentCalls` of the shadow.

export function call(row: usize, field: i32): f64 {
  return load<f64>(row + (field << 3));
}

export function setCall(row: usize, field: i32, value: f64): void {
  store<f64>(row + (field << 3), value);
}

/** The row of the thread of execution in a table of `bytes` each; 0 where the host has to be asked. */
function rowOf(contexts: i32, rows: i32, table: i32, bytes: usize): usize {
  const slot = event.context & THREAD_MASK;
  if (intAt(at(contexts), slot) !== event.context) return 0;
  return at(table) + (intAt(at(rows), slot) as usize) * bytes;
}

export function callsRow(): usize {
  return rowOf(CALL_CONTEXTS, CALL_ROWS, CALLS, CALL_BYTES);
}

export function recentRow(): usize {
  return rowOf(RECENT_CONTEXTS, RECENT_ROWS, RECENTS, RECENT_BYTES);
}

/** Whether the calls of the thread can go on: none is held, and no loss has closed since. */
export function goesOn(row: usize): bool {
  return (
    event.timeNs < wide(NEXT_LOSS_END) &&
    call(row, O_LOSSES_CLOSED) === (word(LOSSES_CLOSED) as f64) &&
    call(row, O_HELD) === 0
  );
}

/** Whether what the thread did last is not from before a loss. */
export function isRecent(row: usize): bool {
  const lost = wide(LOST_UNTIL);
  return !(call(row, T_LAST_NS) < lost && lost <= event.timeNs);
}

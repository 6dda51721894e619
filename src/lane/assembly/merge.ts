import { C_TIME, CURSOR_BYTES, CURSORS, HEAP, HEAP_SIZE } from './board';
import { at, setWord, word } from './memory';

// The cursors as one sequence by time; equal times come in the order of the cursors. See `trace/events/merge.ts`. The heap
// is of their addresses, which have the same order.

/** Number of the cursor at an address. */
export function numberOf(cursor: usize): i32 {
  return ((cursor - at(CURSORS)) / CURSOR_BYTES) as i32;
}

function cursorIn(heap: usize, place: i32): usize {
  return load<u32>(heap + ((place as usize) << 2)) as usize;
}

function isBefore(a: usize, b: usize): bool {
  const timeA = load<f64>(a + C_TIME);
  const timeB = load<f64>(b + C_TIME);
  return timeA < timeB || (timeA === timeB && a < b);
}

/** The cursor with the earliest event. */
export function first(): usize {
  return cursorIn(at(HEAP), 0);
}

/** Time of the earliest event of all other cursors. */
export function secondNs(): f64 {
  const heap = at(HEAP);
  const size = word(HEAP_SIZE);
  if (size < 2) return Infinity;
  const left = load<f64>(cursorIn(heap, 1) + C_TIME);
  return size < 3 ? left : min<f64>(left, load<f64>(cursorIn(heap, 2) + C_TIME));
}

/** Restores the order after the first cursor has moved. */
export function firstMoved(): void {
  const heap = at(HEAP);
  const size = word(HEAP_SIZE);
  const item = cursorIn(heap, 0);
  let hole = 0;
  for (;;) {
    let child = 2 * hole + 1;
    if (child >= size) break;
    let other = cursorIn(heap, child);
    if (child + 1 < size) {
      const right = cursorIn(heap, child + 1);
      if (isBefore(right, other)) {
        child++;
        other = right;
      }
    }
    if (!isBefore(other, item)) break;
    store<u32>(heap + ((hole as usize) << 2), other as u32);
    hole = child;
  }
  store<u32>(heap + ((hole as usize) << 2), item as u32);
}

/** Takes the first cursor out: it is at its end. */
export function firstEnded(): void {
  const heap = at(HEAP);
  const size = word(HEAP_SIZE) - 1;
  setWord(HEAP_SIZE, size);
  if (size === 0) return;
  store<u32>(heap, cursorIn(heap, size) as u32);
  firstMoved();
}

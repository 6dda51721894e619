import { C_TIME, CURSOR_BYTES, CURSORS, HEAP, HEAP_SIZE } from './board';
import { at, intAt, setIntAt, setWord, word } from './memory';

// The cursors as one sequence by time; equal times come in the order of the cursors. See `trace/events/merge.ts`.

export function cursorAt(index: i32): usize {
  return at(CURSORS) + (index as usize) * CURSOR_BYTES;
}

function timeOf(index: i32): f64 {
  return load<f64>(cursorAt(index) + C_TIME);
}

function isBefore(a: i32, b: i32): bool {
  const timeA = timeOf(a);
  const timeB = timeOf(b);
  return timeA < timeB || (timeA === timeB && a < b);
}

/** The cursor with the earliest event. */
export function first(): i32 {
  return intAt(at(HEAP), 0);
}

/** Time of the earliest event of all other cursors. */
export function secondNs(): f64 {
  const heap = at(HEAP);
  const size = word(HEAP_SIZE);
  if (size < 2) return Infinity;
  const left = timeOf(intAt(heap, 1));
  return size < 3 ? left : min<f64>(left, timeOf(intAt(heap, 2)));
}

/** Restores the order after the first cursor has moved. */
export function firstMoved(): void {
  const heap = at(HEAP);
  const size = word(HEAP_SIZE);
  const item = intAt(heap, 0);
  let hole = 0;
  for (;;) {
    let child = 2 * hole + 1;
    if (child >= size) break;
    if (child + 1 < size && isBefore(intAt(heap, child + 1), intAt(heap, child))) child++;
    const other = intAt(heap, child);
    if (!isBefore(other, item)) break;
    setIntAt(heap, hole, other);
    hole = child;
  }
  setIntAt(heap, hole, item);
}

/** Takes the first cursor out: it is at its end. */
export function firstEnded(): void {
  const heap = at(HEAP);
  const size = word(HEAP_SIZE) - 1;
  setWord(HEAP_SIZE, size);
  if (size === 0) return;
  setIntAt(heap, 0, intAt(heap, size));
  firstMoved();
}

import { SLOTS } from './board';

/** Where the board is. */
export const BOARD: usize = memory.data(SLOTS * 8, 8);

/** An i32 of the board. */
export function word(slot: i32): i32 {
  return load<i32>(BOARD + (slot << 3));
}

export function setWord(slot: i32, value: i32): void {
  store<i32>(BOARD + (slot << 3), value);
}

/** An address of the board: the beginning of an array. */
export function at(slot: i32): usize {
  return load<u32>(BOARD + (slot << 3)) as usize;
}

/** An f64 of the board. */
export function wide(slot: i32): f64 {
  return load<f64>(BOARD + (slot << 3));
}

export function setWide(slot: i32, value: f64): void {
  store<f64>(BOARD + (slot << 3), value);
}

/** An integer below 2^53 as a float64, and back. Signed conversions are one instruction, unsigned ones are many. */
export function toFloat(value: u64): f64 {
  return value as i64 as f64;
}

export function toLong(value: f64): u64 {
  return value as i64 as u64;
}

/** Element of an i32 array that begins at `base`. */
export function intAt(base: usize, index: i32): i32 {
  return load<i32>(base + ((index as usize) << 2));
}

export function setIntAt(base: usize, index: i32, value: i32): void {
  store<i32>(base + ((index as usize) << 2), value);
}

/** Element of an f64 array that begins at `base`. */
export function floatAt(base: usize, index: i32): f64 {
  return load<f64>(base + ((index as usize) << 3));
}

export function setFloatAt(base: usize, index: i32, value: f64): void {
  store<f64>(base + ((index as usize) << 3), value);
}

/** Whether a stack of ids is empty: `IdStack`, whose word 0 is how many there are. */
export function isEmpty(slot: i32): bool {
  return load<i32>(at(slot)) === 0;
}

export function popId(slot: i32): i32 {
  const stack = at(slot);
  const count = load<i32>(stack);
  store<i32>(stack, count - 1);
  return intAt(stack, count);
}

/** There is room for as many ids as there are records. */
export function pushId(slot: i32, id: i32): void {
  const stack = at(slot);
  const count = load<i32>(stack) + 1;
  store<i32>(stack, count);
  setIntAt(stack, count, id);
}

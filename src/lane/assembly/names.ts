import {
  DEVICE_NAME_BYTES,
  DEVICE_NAME_ENTRIES,
  DEVICE_NAME_LONGEST,
  DEVICE_NAMES,
  DOMAIN_HIGHS,
  DOMAIN_LOWS,
  DOMAIN_MASK,
  DOMAIN_SLOTS,
  EVENT,
  NEW_STACK,
  OUT_HIGH,
  OUT_LOW,
  STACK_LENGTHS,
  STACK_MASK,
  STACK_SLOTS,
  STACK_STARTS,
  STACK_WORDS,
} from './board';
import * as event from './event';
import { at, intAt, setWord, word } from './memory';

/** 0x9e3779b1, and the basis and prime of 32-bit FNV. */
const GOLDEN: i32 = -1640531535;
const FNV_BASIS: i32 = -2128831035;
const FNV_PRIME: i32 = 0x0100_0193;

// Ids of what the host has given numbers to; NO_ID for what it has not, or what is not remembered here: the host gives it
// one, and the event is looked at again. NEVER is for what will have none here, whatever the host does.
export const NO_ID = -1;
export const NEVER = -2;

/** Id of the pointer in a field: `InternedPointers`. */
export function domainIn(offset: i32): i32 {
  const low = event.wordField(offset);
  const high = event.wordField(offset + 4);
  if (low === 0 && high === 0) return 0;
  const slots = at(DOMAIN_SLOTS);
  const mask = word(DOMAIN_MASK);
  const highs = at(DOMAIN_HIGHS);
  const lows = at(DOMAIN_LOWS);
  const mixed: i32 = ((low >>> 6) ^ high) * GOLDEN;
  for (let slot = (mixed ^ (mixed >>> 15)) & mask; ; slot = (slot + 1) & mask) {
    const id = intAt(slots, slot);
    if (id === 0) break;
    if (intAt(lows, id) === low && intAt(highs, id) === high) return id;
  }
  setWord(OUT_HIGH, high);
  setWord(OUT_LOW, low);
  return NO_ID;
}

/** Where in the remembered names one of these bytes is looked for. */
function entryOf(text: usize, length: u32): usize {
  let hash = FNV_BASIS;
  for (let i: u32 = 0; i < length; i++) hash = (hash ^ (load<u8>(text + i) as i32)) * FNV_PRIME;
  return at(DEVICE_NAMES) + ((hash ^ (hash >>> 16)) & (DEVICE_NAME_ENTRIES - 1)) * DEVICE_NAME_BYTES;
}

/** Whether the entry is of this text: id, length, bytes. */
function isOf(entry: usize, text: usize, length: u32): bool {
  if (load<u32>(entry + 4) !== length) return false;
  let i: u32 = 0;
  for (; i + 4 <= length; i += 4) if (load<u32>(entry + 8 + i) !== load<u32>(text + i)) return false;
  for (; i < length; i++) if (load<u8>(entry + 8 + i) !== load<u8>(text + i)) return false;
  return true;
}

const LONGEST_NAME: u32 = DEVICE_NAME_LONGEST;

let lastEntry: usize = 0;

/** Id of the device that a `__data_loc` field names. */
export function deviceIn(offset: i32): i32 {
  const place = event.wordField(offset) as u32;
  const start = place & 0xffff;
  if (start >= (event.payloadSize as u32)) return NEVER;
  const text = event.payload + start;
  const most = min<u32>(place >>> 16, event.payloadSize - start);
  // Nearly all texts end with their NUL.
  if (most < 2 || most > LONGEST_NAME || load<u8>(text + most - 1) !== 0) return NEVER;
  const length = most - 1;
  if (lastEntry !== 0 && isOf(lastEntry, text, length)) return load<i32>(lastEntry);
  const entry = entryOf(text, length);
  if (!isOf(entry, text, length)) return miss(text, most);
  lastEntry = entry;
  return load<i32>(entry);
}

function miss(text: usize, length: u32): i32 {
  setWord(OUT_HIGH, text as i32);
  setWord(OUT_LOW, length as i32);
  return NO_ID;
}

/** Remembers the id of a device's name, which ends with a NUL, in place of another one; false where it cannot be. */
export function learnDevice(text: usize, length: u32, id: i32): bool {
  if (length < 2 || length > LONGEST_NAME || load<u8>(text + length - 1) !== 0) return false;
  for (let i: u32 = 0; i < length - 1; i++) if (load<u8>(text + i) === 0) return false;
  const entry = entryOf(text, length - 1);
  store<i32>(entry, id);
  store<u32>(entry + 4, length - 1);
  memory.copy(entry + 8, text, length - 1);
  return true;
}

/** A frame of all ones, or of zeroes, ends a recorded stack early; one that stands for a trampoline is left out. */
const END: i32 = -1;
const TRAMPOLINE: i32 = 0x7fff_ffff;

const LONGEST_STACK = 512;
const scratch: usize = memory.data(LONGEST_STACK * 8, 8);

/** Id of the stack of the event, whose frames are of 8 bytes: `StackTable.intern`. */
export function stackOfEvent(): i32 {
  const count = event.frameBytes >> 3;
  if (count === 0) return 0;
  if (count > LONGEST_STACK) return NEVER;
  let hash = FNV_BASIS;
  let length = 0;
  for (let i = 0; i < count; i++) {
    const low = load<i32>(event.frames + (i << 3));
    const high = load<i32>(event.frames + (i << 3) + 4);
    if ((high === END && low === END) || (high === 0 && low === 0)) break;
    if (high === 0 && low === TRAMPOLINE) continue;
    store<i32>(scratch + (length << 2), high);
    store<i32>(scratch + (length << 2) + 4, low);
    length += 2;
    hash = ((hash ^ low) * FNV_PRIME) ^ high;
  }
  if (length === 0) return 0;
  const slots = at(STACK_SLOTS);
  const mask = word(STACK_MASK);
  const words = at(STACK_WORDS);
  let slot = hash & mask;
  for (let id = intAt(slots, slot); id !== 0; id = intAt(slots, slot)) {
    const known = words + ((intAt(at(STACK_STARTS), id) as usize) << 2);
    if (intAt(at(STACK_LENGTHS), id) === length && areSame(known, length)) return id;
    slot = (slot + 1) & mask;
  }
  return NO_ID;
}

function areSame(known: usize, length: i32): bool {
  for (let i: usize = 0; i < (length as usize) << 2; i += 8) {
    if (load<u64>(known + i) !== load<u64>(scratch + i)) return false;
  }
  return true;
}

/** What to answer where a name has no id, see above. */
export function without(id: i32, ask: i32): i32 {
  return id === NEVER ? EVENT : ask;
}

/** Gives the event the id of its stack: 0, or what to answer where it has none yet. */
export function learnStack(): i32 {
  if (event.frameBytes === 0) return 0;
  const id = stackOfEvent();
  if (id < 0) return without(id, NEW_STACK);
  event.setStack(id);
  return 0;
}

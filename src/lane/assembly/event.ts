import {
  FLAGS_AT,
  FLAGS_SHIFT,
  PID_AT,
  STACK_FRAMES_AT,
  STACK_ID,
  STACK_SIZE_AT,
  TYPE_AT,
  TYPE_SHIFT,
} from './board';
import { at as address, word } from './memory';

// The event in hand: one at a time, so these are globals.
export let payload: usize = 0;
export let payloadSize: i32 = 0;
export let timeNs: f64 = 0;
export let position: f64 = 0;
export let cpu: i32 = 0;
export let pid: i32 = 0;
export let flags: i32 = 0;
/** Which thread of execution it is of: `executionContext()` of `kernel/moment.ts`. */
export let context: i32 = 0;
/** Id of its stack; 0 for none. */
export let stack: i32 = 0;
/** Where the frames behind it begin, and their bytes; 0 for none. */
export let frames: usize = 0;
export let frameBytes: i32 = 0;

/** `TRACE_FLAG_*` of `common_flags`, include/linux/trace_events.h. */
const HARDIRQ: i32 = 0x08;
const SOFTIRQ: i32 = 0x10;
const NMI: i32 = 0x40;

/** `common_type` of the record at an address. */
export function typeOf(record: usize): i32 {
  return (load<u32>(record + address(TYPE_AT)) >>> word(TYPE_SHIFT)) & 0xffff;
}

function flagsOf(record: usize): i32 {
  return (load<u32>(record + address(FLAGS_AT)) >>> word(FLAGS_SHIFT)) & 0xff;
}

function pidOf(record: usize): i32 {
  return load<i32>(record + address(PID_AT));
}

function contextOf(taskPid: i32, ofCpu: i32, ofFlags: i32): i32 {
  if (ofFlags & NMI) return -(ofCpu * 4 + 4);
  if (ofFlags & HARDIRQ) return -(ofCpu * 4 + 3);
  if (ofFlags & SOFTIRQ) return -(ofCpu * 4 + 2);
  return taskPid === 0 ? -(ofCpu * 4 + 1) : taskPid;
}

/** Takes a record in hand. */
export function take(record: usize, size: i32, atNs: f64, place: f64, ofCpu: i32): void {
  payload = record;
  payloadSize = size;
  flags = flagsOf(record);
  const ofPid = pidOf(record);
  happen(atNs, place, ofCpu, ofPid, contextOf(ofPid, ofCpu, flags));
}

/** Takes an event in hand that has no record, and no stack. */
export function happen(atNs: f64, place: f64, ofCpu: i32, ofPid: i32, ofContext: i32): void {
  timeNs = atNs;
  position = place;
  cpu = ofCpu;
  pid = ofPid;
  context = ofContext;
  stack = 0;
  frames = 0;
  frameBytes = 0;
}

/** Takes a record of a batch in hand, with its stack. */
export function takeWithStack(
  record: usize,
  size: i32,
  atNs: f64,
  place: f64,
  ofCpu: i32,
  stackAt: usize,
  stackBytes: i32,
): void {
  take(record, size, atNs, place, ofCpu);
  frames = stackAt;
  frameBytes = stackBytes;
}

/** Gives the event the stack in the record behind it, if it is one and of the same thread of execution. */
export function takeStack(record: usize, size: i32, longSize: i32): void {
  if (typeOf(record) !== word(STACK_ID)) return;
  const framesAt = word(STACK_FRAMES_AT);
  const sizeAt = word(STACK_SIZE_AT);
  if (size < framesAt || size < sizeAt + 4) return;
  if (contextOf(pidOf(record), cpu, flagsOf(record)) !== context) return;
  const count = load<u32>(record + sizeAt) as u64;
  const bytes = min<u64>(count * longSize, (size - framesAt) as u64);
  frames = record + framesAt;
  frameBytes = bytes as i32;
}

/** Writes the moment of the event into 32 bytes: a record of `MomentColumns`. */
export function writeMoment(into: usize, ofStack: i32): void {
  store<f64>(into, timeNs);
  store<f64>(into + 8, position);
  store<i32>(into + 16, cpu);
  store<i32>(into + 20, pid);
  store<i32>(into + 24, context);
  store<i32>(into + 28, ofStack);
}

/** Copies a record of `MomentColumns`: for so few bytes `memory.copy` is slow. */
export function copyMoment(into: usize, from: usize): void {
  store<u64>(into, load<u64>(from));
  store<u64>(into + 8, load<u64>(from + 8));
  store<u64>(into + 16, load<u64>(from + 16));
  store<u64>(into + 24, load<u64>(from + 24));
}

export function setStack(id: i32): void {
  stack = id;
}

/** Whether the field at an offset is below 2^53, so that a float64 holds it exactly. */
export function isExact(offset: i32): bool {
  return load<u32>(payload + offset + 4) < 0x20_0000;
}

/** A field of 64 bits. */
export function longField(offset: i32): u64 {
  return load<u64>(payload + offset);
}

export function wordField(offset: i32): i32 {
  return load<i32>(payload + offset);
}

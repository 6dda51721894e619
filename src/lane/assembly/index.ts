import { lookAhead } from './ahead';
import {
  BATCH_CHUNK,
  BATCH_COUNT,
  BATCH_CPUS,
  BATCH_NEXT,
  BATCH_PAYLOADS,
  BATCH_POSITIONS,
  BATCH_SIZES,
  BATCH_STACK_SIZES,
  BATCH_STACKS,
  BATCH_TIMES,
  C_CPU,
  C_INDEX,
  C_LOST,
  C_NEXT,
  C_SET,
  C_TIME,
  C_TOLD_LOST,
  COUNT_ONLY,
  COUNTS,
  DONE,
  EVENT,
  EVENTS,
  HEAP_SIZE,
  KINDS,
  LAST_TIME,
  LOST,
  NEW_KIND,
  NEXT_READY,
  OUT_CHUNK,
  OUT_CONTEXT,
  OUT_CPU,
  OUT_CURSOR,
  OUT_FLAGS,
  OUT_KIND,
  OUT_PAYLOAD,
  OUT_PID,
  OUT_POSITION,
  OUT_SIZE,
  OUT_STACK,
  OUT_STACK_BYTES,
  OUT_STACK_CHUNK,
  OUT_TIME,
  PAUSE,
  QUICK,
  R_BYTES,
  R_WHAT,
  RECIPE_WORDS,
  RECIPES,
  S_CHUNK,
  S_COUNT,
  S_PAYLOADS,
  S_POSITION,
  S_SIZES,
  S_TIMES,
} from './board';
import { accept as acceptSet, enter, prepare, setOf } from './cursor';
import * as event from './event';
import { setGib } from './iova';
import { at, BOARD, floatAt, intAt, setFloatAt, setWide, setWord, wide, word } from './memory';
import * as merge from './merge';
import { learnDevice } from './names';
import { settle } from './ref-nodes';
import { tell } from './tell';

export { learnDevice, setGib };

/** Where the board is. */
export function board(): usize {
  return BOARD;
}

/** First byte behind what the lane has for itself. */
export function end(): usize {
  return __heap_base;
}

/** Reads the first sub-buffer of a cursor and enters it: 0, NEED_CHUNK or ODD_SUB_BUFFER. */
export function begin(cursor: usize): i32 {
  const code = prepare(cursor);
  if (code === 0) enter(cursor);
  return code;
}

/** The host has filled a set by itself. */
export function accept(cursor: usize, set: usize, count: i32): void {
  acceptSet(cursor, set, count);
}

/** Bytes of a frame of a stack. */
const LONG_SIZE = 8;

/**
 * Tells events until the host is needed, or until it has told so many. Returns why it has ended: DONE, EVENT and so on.
 */
export function run(most: i32): i32 {
  let left = most;
  let quick: f64 = 0;
  let code = PAUSE;
  const kinds = at(KINDS);
  const counts = at(COUNTS);
  const recipes = at(RECIPES);
  while (left > 0) {
    if (word(HEAP_SIZE) === 0) {
      code = DONE;
      break;
    }
    const cursor = merge.first();
    if (load<i32>(cursor + C_TOLD_LOST) !== 0) {
      store<i32>(cursor + C_TOLD_LOST, 0);
      merge.firstMoved();
      setWord(OUT_CURSOR, merge.numberOf(cursor));
      code = LOST;
      break;
    }
    const limitNs = merge.secondNs();
    code = runOf(cursor, limitNs, kinds, counts, recipes, left);
    quick += told;
    left -= taken;
    if (code !== 0) break;
    code = PAUSE;
  }
  settle();
  setWide(EVENTS, wide(EVENTS) + ((most - left) as f64));
  setWide(QUICK, wide(QUICK) + quick);
  return code;
}

/** Events that {@link runOf} has taken off its cursor, and those of them that it has told. */
let taken: i32 = 0;
let told: i32 = 0;

/** Tells events of one cursor while they come before the others'; 0 when another cursor is next. */
function runOf(cursor: usize, limitNs: f64, kinds: usize, counts: usize, recipes: usize, most: i32): i32 {
  taken = 0;
  told = 0;
  let set = setOf(cursor, load<i32>(cursor + C_SET));
  let count = load<i32>(set + S_COUNT);
  let index = load<i32>(cursor + C_INDEX);
  let times = load<u32>(set + S_TIMES) as usize;
  let payloads = load<u32>(set + S_PAYLOADS) as usize;
  let sizes = load<u32>(set + S_SIZES) as usize;
  const cpu = load<i32>(cursor + C_CPU);
  let result = 0;
  while (taken < most) {
    const isLast = index + 1 === count;
    if (isLast) {
      // Its stack, and a gap behind it, are in the next sub-buffer.
      result = prepare(cursor);
      if (result !== 0) {
        setWord(OUT_CURSOR, merge.numberOf(cursor));
        break;
      }
    }
    const payload = intAt(payloads, index) as u32 as usize;
    const type = event.typeOf(payload);
    const kind = intAt(kinds, type);
    if (kind === 0) {
      setWord(OUT_KIND, type);
      result = NEW_KIND;
      break;
    }
    const recipe = recipes + (kind as usize) * (RECIPE_WORDS * 4);
    const what = intAt(recipe, R_WHAT);
    if (what !== COUNT_ONLY) {
      const size = intAt(sizes, index);
      const timeNs = floatAt(times, index);
      const chunk = load<u32>(set + S_CHUNK);
      event.take(
        payload,
        size,
        timeNs,
        (load<f64>(set + S_POSITION) + ((payload as u32) - chunk)) as f64,
        cpu,
      );
      let stackChunk = chunk;
      if (!isLast) {
        event.takeStack(intAt(payloads, index + 1) as u32 as usize, intAt(sizes, index + 1), LONG_SIZE);
      } else if (load<i32>(cursor + C_NEXT) === NEXT_READY && load<f64>(cursor + C_LOST) === 0) {
        const next = setOf(cursor, 1 - load<i32>(cursor + C_SET));
        stackChunk = load<u32>(next + S_CHUNK);
        event.takeStack(
          load<u32>(load<u32>(next + S_PAYLOADS) as usize) as usize,
          load<i32>(load<u32>(next + S_SIZES) as usize),
          LONG_SIZE,
        );
      }
      result = size >= intAt(recipe, R_BYTES) ? tell(recipe) : EVENT;
      if (result !== 0) {
        setWord(OUT_CURSOR, merge.numberOf(cursor));
        handOut(kind, chunk, stackChunk);
        if (result !== EVENT) break;
      } else told++;
    }
    // The event is taken.
    setFloatAt(counts, kind, floatAt(counts, kind) + 1);
    setWide(LAST_TIME, floatAt(times, index));
    taken++;
    if (!isLast) {
      index++;
      store<i32>(cursor + C_INDEX, index);
      store<f64>(cursor + C_TIME, floatAt(times, index));
    } else {
      if (!enter(cursor)) {
        merge.firstEnded();
        return result;
      }
      if (load<f64>(cursor + C_LOST) !== 0) {
        store<i32>(cursor + C_TOLD_LOST, 1);
        // Lost events are told before anything of another cursor: this one stays first until then.
        return result;
      }
      set = setOf(cursor, load<i32>(cursor + C_SET));
      count = load<i32>(set + S_COUNT);
      index = 0;
      times = load<u32>(set + S_TIMES) as usize;
      payloads = load<u32>(set + S_PAYLOADS) as usize;
      sizes = load<u32>(set + S_SIZES) as usize;
    }
    if (result !== 0) break;
    if (!(floatAt(times, index) < limitNs)) break;
  }
  merge.firstMoved();
  return result;
}

/** Records of a batch that are looked at together, and how far that has come. */
const AHEAD: i32 = 256;
let ahead: i32 = 0;

/**
 * Tells the records of a batch from BATCH_NEXT on, until the host is needed. Returns why it has ended; DONE when all are
 * told.
 */
export function runBatch(): i32 {
  const kinds = at(KINDS);
  const counts = at(COUNTS);
  const recipes = at(RECIPES);
  const chunk = at(BATCH_CHUNK);
  const count = word(BATCH_COUNT);
  let index = word(BATCH_NEXT);
  let quick: f64 = 0;
  let code = DONE;
  if (index === 0) ahead = 0;
  while (index < count) {
    if (index >= ahead) {
      const more = min<i32>(count - index, AHEAD);
      const from = (index as usize) << 2;
      lookAhead(chunk, at(BATCH_PAYLOADS) + from, at(BATCH_SIZES) + from, more);
      ahead = index + more;
    }
    const record = chunk + (intAt(at(BATCH_PAYLOADS), index) as usize);
    const type = event.typeOf(record);
    const kind = intAt(kinds, type);
    if (kind === 0) {
      setWord(OUT_KIND, type);
      code = NEW_KIND;
      break;
    }
    const recipe = recipes + (kind as usize) * (RECIPE_WORDS * 4);
    if (intAt(recipe, R_WHAT) !== COUNT_ONLY) {
      const size = intAt(at(BATCH_SIZES), index);
      event.takeWithStack(
        record,
        size,
        floatAt(at(BATCH_TIMES), index),
        floatAt(at(BATCH_POSITIONS), index),
        intAt(at(BATCH_CPUS), index),
        chunk + (intAt(at(BATCH_STACKS), index) as usize),
        intAt(at(BATCH_STACK_SIZES), index),
      );
      code = size >= intAt(recipe, R_BYTES) ? tell(recipe) : EVENT;
      if (code !== DONE) {
        setWord(OUT_CPU, event.cpu);
        handOut(kind, chunk as u32, chunk as u32);
        if (code !== EVENT) break;
      } else quick++;
    }
    setFloatAt(counts, kind, floatAt(counts, kind) + 1);
    index++;
    if (code !== DONE) break;
  }
  settle();
  setWord(BATCH_NEXT, index);
  setWide(QUICK, wide(QUICK) + quick);
  return code;
}

/** Leaves the event in hand for the host. */
function handOut(kind: i32, chunk: u32, stackChunk: u32): void {
  setWord(OUT_KIND, kind);
  setWord(OUT_PAYLOAD, event.payload as i32);
  setWord(OUT_SIZE, event.payloadSize);
  setWide(OUT_TIME, event.timeNs);
  setWord(OUT_CONTEXT, event.context);
  setWord(OUT_PID, event.pid);
  setWord(OUT_FLAGS, event.flags);
  setWide(OUT_POSITION, event.position);
  setWord(OUT_STACK, event.frames as i32);
  setWord(OUT_STACK_BYTES, event.frameBytes);
  setWord(OUT_CHUNK, chunk as i32);
  setWord(OUT_STACK_CHUNK, stackChunk as i32);
}

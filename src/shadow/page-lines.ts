import type { Moment } from '../kernel/moment.ts';
import { OWN_MEMORY, type Store } from '../kernel/store.ts';

/** 32-bit words and float64 of a line: 64 bytes, as a line of the cache has. */
const WORDS = 16;
const WIDES = 8;

/**
 * A line: its key; the times of the last allocation and of the last free; and of each of the two five words more.
 * The last word has the upper bits of the position, the CPU and two bits.
 */
const TIMES = 1;
const EVENTS = 6;
const EVENT_WORDS = 5;
const PID = 0;
const CONTEXT = 1;
const STACK = 2;
const POSITION = 3;
const BITS = 4;
const KNOWN = 1;
const LATER = 2;
const CPU_SHIFT = 2;
const CPU_MASK = 0x3fff;
const UPPER_SHIFT = 16;

/** A position that is none is kept as the largest. */
const NO_POSITION = 2 ** 48 - 1;

/** Orders of a key, whose lowest bits they are. A key of 0 is a line that is free. */
const ORDERS = 32;

/** Larger page frame numbers are no memory: a physical address has 52 bits. They have no line. */
export const PFN_LIMIT = 2 ** 47;

/** Blocks whose lines are behind each other. */
const NEIGHBOURS = 8;

const INITIAL_LINES = 256;

/** 2^32 divided by the golden ratio, the usual multiplier of a hash; and another odd number, which tells orders apart. */
const GOLDEN = 0x9e37_79b1;
const OF_ORDER = 0x85eb_ca6b;

/**
 * The last allocation and the last free of each block of pages, in a line of the cache, which is found by a hash: to note
 * an event is one access to memory that is not near, also where no other page of the neighbourhood is known, as it is with
 * those of network cards.
 */
export class PageLines {
  /** All lines, which are replaced when there are too few. */
  words: Int32Array = new Int32Array(INITIAL_LINES * WORDS);
  /** The same memory. */
  wides: Float64Array = widesOf(this.words);
  /** Lines that have a key. */
  used = 0;
  private store = OWN_MEMORY;

  /** Lines that may have a key: three of eight are free, to end a search soon. */
  get limit(): number {
    return Math.floor((5 * this.wides.length) / WIDES / 8);
  }

  /** The line of a block, which begins at a multiple of its pages; -1 where it has none. */
  find(pfn: number, order: number): number {
    const { wides } = this;
    const mask = wides.length - 1;
    const key = keyOf(pfn, order);
    let line = (placeOf(pfn, order) * WIDES) & mask;
    while (wides[line] !== key) {
      if (wides[line] === 0) return -1;
      line = (line + WIDES) & mask;
    }
    return line / WIDES;
  }

  /** @param which 0 for an allocation, 1 for a free */
  note(at: Readonly<Moment>, pfn: number, order: number, which: number): void {
    const line = this.findOrAdd(pfn, order);
    const { words } = this;
    this.wides[line * WIDES + TIMES + which] = at.timeNs;
    const first = line * WORDS + EVENTS + which * EVENT_WORDS;
    const position = at.position < 0 ? NO_POSITION : at.position;
    words[first + PID] = at.pid;
    words[first + CONTEXT] = at.context;
    words[first + STACK] = at.stack;
    words[first + POSITION] = (position % 2 ** 32) | 0;
    words[first + BITS] =
      (Math.floor(position / 2 ** 32) << UPPER_SHIFT) | ((at.cpu & CPU_MASK) << CPU_SHIFT) | LATER | KNOWN;
    const other = line * WORDS + EVENTS + (1 - which) * EVENT_WORDS + BITS;
    words[other] = (words[other] as number) & ~LATER;
  }

  /** Whether the block of a line has had such an event, and when. */
  timeOf(line: number, which: number): number | undefined {
    return this.bitsOf(line, which) & KNOWN ? this.wides[line * WIDES + TIMES + which] : undefined;
  }

  /** Whether the last event of a line was such a one. */
  isLater(line: number, which: number): boolean {
    return (this.bitsOf(line, which) & LATER) !== 0;
  }

  /** What {@link timeOf} is the time of. */
  momentOf(line: number, which: number): Moment {
    const { words } = this;
    const first = line * WORDS + EVENTS + which * EVENT_WORDS;
    const bits = words[first + BITS] as number;
    const position = (bits >>> UPPER_SHIFT) * 2 ** 32 + ((words[first + POSITION] as number) >>> 0);
    return {
      timeNs: this.wides[line * WIDES + TIMES + which] as number,
      cpu: (bits >> CPU_SHIFT) & CPU_MASK,
      pid: words[first + PID] as number,
      context: words[first + CONTEXT] as number,
      stack: words[first + STACK] as number,
      position: position === NO_POSITION ? -1 : position,
    };
  }

  get bytes(): number {
    return this.words.byteLength;
  }

  /** Gives the lines their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    const { words } = this;
    this.words = store.ints(words.length);
    this.words.set(words);
    this.wides = widesOf(this.words);
  }

  /** Makes room for one line more. */
  reserve(): void {
    if (this.used >= this.limit) this.spread();
  }

  private bitsOf(line: number, which: number): number {
    return this.words[line * WORDS + EVENTS + which * EVENT_WORDS + BITS] as number;
  }

  private findOrAdd(pfn: number, order: number): number {
    const line = this.find(pfn, order);
    if (line >= 0) return line;
    this.reserve();
    this.used++;
    const added = freeLine(this.wides, placeOf(pfn, order));
    this.wides[added] = keyOf(pfn, order);
    return added / WIDES;
  }

  /** Twice as many lines. */
  private spread(): void {
    const { words, wides, store } = this;
    this.words = store.ints(words.length * 2);
    this.wides = widesOf(this.words);
    for (let line = 0; line < wides.length; line += WIDES) {
      const key = wides[line] as number;
      if (key === 0) continue;
      const order = (key - 1) % ORDERS;
      const into = freeLine(this.wides, placeOf((key - 1 - order) / ORDERS, order));
      this.wides[into] = key;
      for (let i = 2; i < WORDS; i++) this.words[2 * into + i] = words[2 * line + i] as number;
    }
    store.release(words);
  }
}

function keyOf(pfn: number, order: number): number {
  return pfn * ORDERS + order + 1;
}

/** The first free line at or behind a place, as where its key is among the float64. */
function freeLine(wides: Float64Array, place: number): number {
  const mask = wides.length - 1;
  let line = (place * WIDES) & mask;
  while (wides[line] !== 0) line = (line + WIDES) & mask;
  return line;
}

/** The line that a block would like to have: 32 bits of which the lowest count. */
function placeOf(pfn: number, order: number): number {
  const block = pfn / 2 ** order;
  const hash = Math.imul(Math.floor(block / NEIGHBOURS) + Math.imul(order, OF_ORDER), GOLDEN);
  return ((hash ^ (hash >>> 15)) * NEIGHBOURS) | (block % NEIGHBOURS);
}

function widesOf(words: Int32Array): Float64Array {
  return new Float64Array(words.buffer, words.byteOffset, words.length / 2);
}

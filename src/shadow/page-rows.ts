import { grownInts, OWN_MEMORY, type Store } from '../kernel/store.ts';

/** Pages that lie together: their words and the key of the group fill 64 bytes, a line of the cache. */
const GROUP_PAGES = 7;

/** 32-bit words and float64 of a place. The key is the first float64. */
const WORDS = 16;
const WIDES = 8;

/** The words of the first page of a group, behind the key. */
const FIRST = 2;

/** Groups whose places are behind each other: a block of many pages is in few parts of the memory. */
const NEIGHBOURS = 8;

const INITIAL_PLACES = 256;

/** 2^32 divided by the golden ratio, the usual multiplier of a hash. */
const GOLDEN = 0x9e37_79b1;

/**
 * Two words for each page that has any, found by a hash of its group: to reach the words of a page is one access to
 * memory that is not near, also where no other page of its neighbourhood has any, as it is with those of network cards.
 *
 * Group `g` holds the pages `7 * g ... 7 * g + 6`. Its place is the first at or behind its hash whose key is `g + 1`; a key
 * of 0 is a place that is free.
 */
export class PageRows {
  /** All places, which are replaced when there are too few. */
  words: Int32Array = new Int32Array(INITIAL_PLACES * WORDS);
  /** The same memory. */
  wides: Float64Array = widesOf(this.words);
  /** Groups that have a place. */
  groups = 0;
  private store = OWN_MEMORY;

  /** Where the words of a page begin; -1 where it has none. */
  find(pfn: number): number {
    const group = Math.floor(pfn / GROUP_PAGES);
    const { wides } = this;
    const mask = wides.length - 1;
    let key = (placeOf(group) * WIDES) & mask;
    while (wides[key] !== group + 1) {
      if (wides[key] === 0) return -1;
      key = (key + WIDES) & mask;
    }
    return 2 * (key + pfn - group * GROUP_PAGES) + FIRST;
  }

  /** Where the words of a page begin; they are 0 where it had none. */
  findOrAdd(pfn: number): number {
    const row = this.find(pfn);
    if (row >= 0) return row;
    this.reserve(1);
    this.groups++;
    insert(this.wides, Math.floor(pfn / GROUP_PAGES));
    return this.find(pfn);
  }

  /** Makes sure that so many more groups have a place without moving others: three of eight are free, to end a search soon. */
  reserve(groups: number): void {
    while (8 * (this.groups + groups) > 5 * (this.wides.length / WIDES)) this.spread();
  }

  /** How many pages from this one on have their words behind each other. */
  pagesFrom(pfn: number): number {
    return GROUP_PAGES - (pfn - Math.floor(pfn / GROUP_PAGES) * GROUP_PAGES);
  }

  get bytes(): number {
    return this.words.byteLength;
  }

  /** Gives the places their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.words = grownInts(this.words, this.words.length, store);
    this.wides = widesOf(this.words);
  }

  /** Twice as many places. */
  private spread(): void {
    const { words, wides, store } = this;
    this.words = store.ints(words.length * 2);
    this.wides = widesOf(this.words);
    for (let key = 0; key < wides.length; key += WIDES) {
      if (wides[key] === 0) continue;
      const into = 2 * insert(this.wides, (wides[key] as number) - 1);
      for (let i = FIRST; i < WORDS; i++) this.words[into + i] = words[2 * key + i] as number;
    }
    store.release(words);
  }
}

/** Takes the first free place for a group; returns where its key is. */
function insert(wides: Float64Array, group: number): number {
  const mask = wides.length - 1;
  let key = (placeOf(group) * WIDES) & mask;
  while (wides[key] !== 0) key = (key + WIDES) & mask;
  wides[key] = group + 1;
  return key;
}

/** The place that a group would like to have: 32 bits of which the lowest count. */
function placeOf(group: number): number {
  const hash = Math.imul(group >>> 3, GOLDEN);
  return ((hash ^ (hash >>> 15)) * NEIGHBOURS) | (group & (NEIGHBOURS - 1));
}

function widesOf(words: Int32Array): Float64Array {
  return new Float64Array(words.buffer, words.byteOffset, words.length / 2);
}

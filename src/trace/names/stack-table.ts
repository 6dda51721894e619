import { grownInts, OWN_MEMORY, type Store } from '../../kernel/store.ts';
import { addressText } from './address.ts';

/** A frame of all ones, or of zeroes, ends a recorded stack early. */
const END = 0xffff_ffff;

/** `FTRACE_TRAMPOLINE_MARKER` stands for a frame in a trampoline, whose address says nothing (kernel/trace/trace.h). */
const TRAMPOLINE = 0x7fff_ffff;

/**
 * The distinct kernel stacks of a trace. A driver makes millions of calls from some hundred places: each stack is
 * kept once, and events carry its id.
 */
export class StackTable {
  /** Upper and lower half of each frame, stack after stack. */
  words: Int32Array = new Int32Array(4096);
  private used = 0;
  /** Of stack `id`: index of its first word, and number of words. Id 0 is no stack. */
  starts: Int32Array = new Int32Array(256);
  lengths: Int32Array = new Int32Array(256);
  private ids = 1;
  /** Open addressing: id at the hash of its frames, 0 where free. */
  slots: Int32Array = new Int32Array(1024);
  private store = OWN_MEMORY;

  /** @returns the id of the stack whose frames, of `longSize` bytes each, stand at byte `at` of the words */
  intern(words: Uint32Array, at: number, bytes: number, longSize: number, littleEndian: boolean): number {
    const frames = Math.floor(bytes / longSize);
    this.reserve(frames * 2);
    let length = 0;
    let hash = 0x811c9dc5;
    for (let i = 0; i < frames; i++) {
      const frame = (at + i * longSize) >> 2;
      const first = words[frame] as number;
      let high = 0;
      let low = first;
      if (longSize === 8) {
        const second = words[frame + 1] as number;
        high = littleEndian ? second : first;
        low = littleEndian ? first : second;
        if (high === END && low === END) break;
        if (high === 0 && low === 0) break;
      } else if (low === END || low === 0) break;
      if (high === 0 && low === TRAMPOLINE) continue;
      this.words[this.used + length] = high;
      this.words[this.used + length + 1] = low;
      length += 2;
      hash = Math.imul(hash ^ low, 0x01000193) ^ high;
    }
    return length === 0 ? 0 : this.find(hash, length);
  }

  /** The id of the stack of one frame. */
  internFrame(high: number, low: number): number {
    this.reserve(2);
    this.words[this.used] = high;
    this.words[this.used + 1] = low;
    return this.find(Math.imul(0x811c9dc5 ^ low, 0x01000193) ^ high, 2);
  }

  /** Number of distinct stacks. */
  get count(): number {
    return this.ids - 1;
  }

  /** Calls `visit` with the two halves of each frame, innermost first. */
  forEachFrame(id: number, visit: (high: number, low: number) => void): void {
    if (id <= 0 || id >= this.ids) return;
    const start = this.starts[id] as number;
    const end = start + (this.lengths[id] as number);
    for (let i = start; i < end; i += 2) {
      visit((this.words[i] as number) >>> 0, (this.words[i + 1] as number) >>> 0);
    }
  }

  /** The addresses of a stack as text, innermost first. */
  addresses(id: number): string[] {
    const texts: string[] = [];
    this.forEachFrame(id, (high, low) => texts.push(addressText(high, low)));
    return texts;
  }

  /** The frames to look for were written behind the used words: they stay there if they are new. */
  private find(hash: number, length: number): number {
    const mask = this.slots.length - 1;
    let slot = (hash >>> 0) & mask;
    for (;;) {
      const id = this.slots[slot] as number;
      if (id === 0) break;
      if (this.lengths[id] === length && this.sameFrames(this.starts[id] as number, length)) return id;
      slot = (slot + 1) & mask;
    }
    const id = this.ids++;
    if (id >= this.starts.length) this.growIds();
    this.starts[id] = this.used;
    this.lengths[id] = length;
    this.used += length;
    this.slots[slot] = id;
    if (this.ids * 2 > this.slots.length) this.rehash();
    return id;
  }

  private sameFrames(start: number, length: number): boolean {
    for (let i = 0; i < length; i++) {
      if (this.words[start + i] !== this.words[this.used + i]) return false;
    }
    return true;
  }

  private reserve(words: number): void {
    if (this.used + words <= this.words.length) return;
    this.words = grownInts(this.words, Math.max(this.words.length * 2, this.used + words), this.store);
  }

  /** Gives the columns their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.words = grownInts(this.words, this.words.length, store);
    this.starts = grownInts(this.starts, this.starts.length, store);
    this.lengths = grownInts(this.lengths, this.lengths.length, store);
    this.slots = grownInts(this.slots, this.slots.length, store);
  }

  private growIds(): void {
    this.starts = grownInts(this.starts, this.starts.length * 2, this.store);
    this.lengths = grownInts(this.lengths, this.lengths.length * 2, this.store);
  }

  private rehash(): void {
    this.store.release(this.slots);
    const slots = this.store.ints(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let id = 1; id < this.ids; id++) {
      const start = this.starts[id] as number;
      let hash = 0x811c9dc5;
      for (let i = start; i < start + (this.lengths[id] as number); i += 2) {
        hash = Math.imul(hash ^ (this.words[i + 1] as number), 0x01000193) ^ (this.words[i] as number);
      }
      let slot = (hash >>> 0) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.slots = slots;
  }
}

import { grownInts, OWN_MEMORY, type Store } from '../../kernel/store.ts';
import { addressText } from './address.ts';

/** Small integers for texts, from 1 up: device and driver names. */
export class InternedTexts {
  private readonly ids = new Map<string, number>();
  private readonly texts: string[] = [''];

  id(text: string): number {
    if (text === '') return 0;
    let id = this.ids.get(text);
    if (id === undefined) {
      id = this.texts.length;
      this.texts.push(text);
      this.ids.set(text, id);
    }
    return id;
  }

  /** `undefined` for 0 and for ids that were never given. */
  text(id: number): string | undefined {
    return id === 0 ? undefined : this.texts[id];
  }
}

/** Small integers for kernel pointers, from 1 up: domains and pools. All 64 bits count; NULL is 0. */
export class InternedPointers {
  private readonly texts: string[] = [''];
  /** Of each id: its pointer in two halves. */
  highs: Int32Array = new Int32Array(32);
  lows: Int32Array = new Int32Array(32);
  /** Open addressing: the id at the hash of its pointer, 0 where free; twice as many as there is room for ids. */
  slots: Int32Array = new Int32Array(64);
  private store = OWN_MEMORY;

  id(high: number, low: number): number {
    const mask = this.slots.length - 1;
    for (let slot = hashOf(high, low) & mask; ; slot = (slot + 1) & mask) {
      const id = this.slots[slot] as number;
      if (id === 0) return this.add(high, low, slot);
      if (this.lows[id] === (low | 0) && this.highs[id] === (high | 0)) return id;
    }
  }

  private add(high: number, low: number, slot: number): number {
    if (high === 0 && low === 0) return 0;
    const id = this.texts.push(addressText(high, low)) - 1;
    this.highs[id] = high;
    this.lows[id] = low;
    this.slots[slot] = id;
    if ((id + 1) * 2 >= this.slots.length) this.rehash();
    return id;
  }

  /** Gives the columns their place in a memory that is shared. */
  moveTo(store: Store): void {
    this.store = store;
    this.highs = grownInts(this.highs, this.highs.length, store);
    this.lows = grownInts(this.lows, this.lows.length, store);
    this.slots = grownInts(this.slots, this.slots.length, store);
  }

  private rehash(): void {
    const { store } = this;
    this.highs = grownInts(this.highs, this.highs.length * 2, store);
    this.lows = grownInts(this.lows, this.lows.length * 2, store);
    store.release(this.slots);
    const slots = store.ints(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let id = 1; id < this.texts.length; id++) {
      let slot = hashOf(this.highs[id] as number, this.lows[id] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.slots = slots;
  }

  text(id: number): string | undefined {
    return id === 0 ? undefined : this.texts[id];
  }
}

/** Kernel objects are aligned: the low bits say little. */
function hashOf(high: number, low: number): number {
  const mixed = Math.imul((low >>> 6) ^ high, 0x9e37_79b1);
  return mixed ^ (mixed >>> 15);
}

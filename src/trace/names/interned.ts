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
  private readonly highs: number[] = [0];
  private readonly lows: number[] = [0];
  /** Open addressing: the id at the hash of its pointer, 0 where free. */
  private slots = new Int32Array(64);

  id(high: number, low: number): number {
    const mask = this.slots.length - 1;
    for (let slot = hashOf(high, low) & mask; ; slot = (slot + 1) & mask) {
      const id = this.slots[slot] as number;
      if (id === 0) return this.add(high, low, slot);
      if (this.lows[id] === low && this.highs[id] === high) return id;
    }
  }

  private add(high: number, low: number, slot: number): number {
    if (high === 0 && low === 0) return 0;
    const id = this.texts.push(addressText(high, low)) - 1;
    this.highs.push(high);
    this.lows.push(low);
    this.slots[slot] = id;
    if (id * 2 > this.slots.length) this.rehash();
    return id;
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2);
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

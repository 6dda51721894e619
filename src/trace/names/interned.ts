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
  private readonly byHigh = new Map<number, Map<number, number>>();
  private readonly texts: string[] = [''];
  private lastHigh = 0;
  private lastLow = 0;
  private lastId = 0;

  id(high: number, low: number): number {
    if (high === this.lastHigh && low === this.lastLow) return this.lastId;
    if (high === 0 && low === 0) return 0;
    let byLow = this.byHigh.get(high);
    if (!byLow) {
      byLow = new Map();
      this.byHigh.set(high, byLow);
    }
    let id = byLow.get(low);
    if (id === undefined) {
      id = this.texts.length;
      this.texts.push(addressText(high, low));
      byLow.set(low, id);
    }
    this.lastHigh = high;
    this.lastLow = low;
    this.lastId = id;
    return id;
  }

  text(id: number): string | undefined {
    return id === 0 ? undefined : this.texts[id];
  }
}

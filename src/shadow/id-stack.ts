import { grownInts, OWN_MEMORY, type Store } from '../kernel/store.ts';
import { INITIAL_RECORDS } from './columns.ts';

/**
 * Ids of records that are free, the last one freed on top: the next record is one that was touched just now.
 *
 * One array of integers, so that nothing is allocated and whoever shares the memory can use it too: word 0 is how many
 * there are, and behind it the ids, from word 1 on.
 */
export class IdStack {
  /** Replaced when it grows: read it anew after {@link push}. */
  words: Int32Array = new Int32Array(INITIAL_RECORDS);
  private store = OWN_MEMORY;

  push(id: number): void {
    const { words } = this;
    const count = (words[0] as number) + 1;
    if (count === words.length) this.words = grownInts(words, count * 2, this.store);
    this.words[0] = count;
    this.words[count] = id;
  }

  /** Makes room for so many ids in all. */
  reserve(count: number): void {
    if (this.words.length <= count) this.words = grownInts(this.words, count + 1, this.store);
  }

  /** Makes room for so many more ids; returns {@link words}, in which the caller may put them. */
  reserveMore(count: number): Int32Array {
    const needed = (this.words[0] as number) + count;
    if (this.words.length <= needed) this.reserve(2 * needed);
    return this.words;
  }

  moveTo(store: Store): void {
    this.store = store;
    this.words = grownInts(this.words, this.words.length, store);
  }

  /** The id on top, which is taken away; 0 where there is none. */
  pop(): number {
    const { words } = this;
    const count = words[0] as number;
    if (count === 0) return 0;
    words[0] = count - 1;
    return words[count] as number;
  }
}

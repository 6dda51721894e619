/**
 * What the thread that unpacks chunks and the one that reads them leave for each other: 32-bit words in shared memory. For
 * each CPU there are some slots, each of which holds a chunk; they are filled in turn.
 */

/** Words of the whole: the unpacking thread is to end; it has ended; counts what happens that it may wait for. */
export const STOP = 0;
export const STOPPED = 1;
export const NEWS = 2;
const FIRST_CPU = 4;

/** Words of a CPU: it is not unpacked any further; chunks unpacked, and chunks whose slots are free again. */
const DONE = 0;
const UNPACKED = 1;
const FREED = 2;
const SLOTS = 3;

/** Words of a slot: bytes of the chunk, and as it is stored. */
const SLOT_WORDS = 2;

/** Chunks that are in use at a time: the current one and the one before it. */
const IN_USE = 2;

/** Where the words of the CPUs are. */
export class Ring {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly slots: number;

  constructor(words: Int32Array<SharedArrayBuffer>, slots: number) {
    this.words = words;
    this.slots = slots;
  }

  static make(cpus: number, slots: number): Ring {
    const words = FIRST_CPU + cpus * widthOf(slots);
    return new Ring(new Int32Array(new SharedArrayBuffer(words * 4)), slots);
  }

  /** The word that tells how many chunks of a CPU are unpacked. */
  unpackedAt(cpu: number): number {
    return this.firstOf(cpu) + UNPACKED;
  }

  unpacked(cpu: number): number {
    return Atomics.load(this.words, this.unpackedAt(cpu));
  }

  isDone(cpu: number): boolean {
    return Atomics.load(this.words, this.firstOf(cpu) + DONE) !== 0;
  }

  /** Nothing more is unpacked of a CPU: it is at its end, or what comes is for the reader to judge. */
  setDone(cpu: number): void {
    Atomics.store(this.words, this.firstOf(cpu) + DONE, 1);
    Atomics.notify(this.words, this.unpackedAt(cpu));
  }

  /** Whether there is a free slot. */
  hasRoom(cpu: number): boolean {
    return this.unpacked(cpu) - Atomics.load(this.words, this.firstOf(cpu) + FREED) < this.slots;
  }

  /** A chunk is in the next slot of a CPU. */
  push(cpu: number, size: number, stored: number): void {
    const count = this.unpacked(cpu);
    const slot = this.slotOf(cpu, count);
    this.words[slot] = size;
    this.words[slot + 1] = stored;
    Atomics.store(this.words, this.unpackedAt(cpu), count + 1);
    Atomics.notify(this.words, this.unpackedAt(cpu));
  }

  /** Bytes of a chunk that is unpacked, and as it is stored. */
  sizesOf(cpu: number, chunk: number): readonly [size: number, stored: number] {
    const slot = this.slotOf(cpu, chunk);
    return [this.words[slot] as number, this.words[slot + 1] as number];
  }

  /** The reader has gone to a chunk: only that and the one before it are still in use. */
  goTo(cpu: number, chunk: number): void {
    Atomics.store(this.words, this.firstOf(cpu) + FREED, Math.max(0, chunk + 1 - IN_USE));
    this.tellNews();
  }

  /** Something has happened that the unpacking thread may wait for. */
  tellNews(): void {
    Atomics.add(this.words, NEWS, 1);
    Atomics.notify(this.words, NEWS);
  }

  private firstOf(cpu: number): number {
    return FIRST_CPU + cpu * widthOf(this.slots);
  }

  private slotOf(cpu: number, chunk: number): number {
    return this.firstOf(cpu) + SLOTS + (chunk % this.slots) * SLOT_WORDS;
  }
}

function widthOf(slots: number): number {
  return SLOTS + slots * SLOT_WORDS;
}

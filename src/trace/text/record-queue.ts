import { RecordSlot } from './record-slot.ts';

/**
 * Events that wait at most: a stack follows its event within microseconds, and this many events of other CPUs do not
 * come between.
 */
const MOST_WAITING = 1024;

/**
 * Hands events out in the order of the text, each when its stack is known: a stack is a record of its own, behind its
 * event on the same CPU, and events of other CPUs may stand between.
 */
export class RecordQueue {
  private readonly deliver: (slot: RecordSlot) => void;
  private readonly free: RecordSlot[] = [];
  /** A ring of those that wait, oldest first. */
  private readonly waiting: (RecordSlot | undefined)[] = new Array(MOST_WAITING);
  private first = 0;
  private count = 0;
  /** The last event of each CPU that waits for its stack. */
  private readonly last: (RecordSlot | undefined)[] = [];

  constructor(deliver: (slot: RecordSlot) => void) {
    this.deliver = deliver;
  }

  /** A slot to be filled, and given to {@link push}. */
  take(): RecordSlot {
    return this.free.pop() ?? new RecordSlot();
  }

  push(slot: RecordSlot): void {
    const { cpu } = slot.event;
    slot.settled = false;
    const before = this.last[cpu];
    if (before) before.settled = true;
    this.last[cpu] = slot;
    if (this.count === MOST_WAITING) this.release();
    this.waiting[(this.first + this.count) % MOST_WAITING] = slot;
    this.count++;
    while (this.count > 0 && (this.waiting[this.first] as RecordSlot).settled) this.release();
  }

  /** The event of a CPU that a stack would belong to. */
  lastOf(cpu: number): RecordSlot | undefined {
    return this.last[cpu];
  }

  /** At the end of the text: nothing comes any more. */
  finish(): void {
    while (this.count > 0) this.release();
  }

  private release(): void {
    const slot = this.waiting[this.first] as RecordSlot;
    this.waiting[this.first] = undefined;
    this.first = (this.first + 1) % MOST_WAITING;
    this.count--;
    if (this.last[slot.event.cpu] === slot) this.last[slot.event.cpu] = undefined;
    this.deliver(slot);
    this.free.push(slot);
  }
}

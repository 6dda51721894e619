import { executionContext } from '../../kernel/moment.ts';
import { type EventHandler, newRawEvent } from '../events/raw-event.ts';
import type { RecordBatch } from '../events/record-batch.ts';

/** Hands the records of batches out one at a time, each to the handler of its kind. */
export class BatchDelivery {
  private readonly handlerFor: (id: number) => EventHandler | undefined;
  private readonly event = newRawEvent(true);
  /** By `common_type`: who handles it, `null` where it is only counted, and how many there were. */
  private readonly handlers: (EventHandler | null | undefined)[] = [];
  private readonly counts: number[] = [];
  private readonly order: number[] = [];

  constructor(handlerFor: (id: number) => EventHandler | undefined) {
    this.handlerFor = handlerFor;
  }

  deliver(batch: RecordBatch): void {
    const { event, handlers, counts } = this;
    const { words, count, timesNs, payloads, payloadSizes, cpus, positions, stacks, stackSizes } = batch;
    event.view = batch.view;
    event.words = words;
    event.stackWords = words;
    for (let i = 0; i < count; i++) {
      const payload = payloads[i] as number;
      const first = words[payload >> 2] as number;
      const id = first & 0xffff;
      const handler = handlers[id] === undefined ? this.newKind(id) : handlers[id];
      counts[id] = (counts[id] as number) + 1;
      if (!handler) continue;
      const cpu = cpus[i] as number;
      const pid = (words[(payload >> 2) + 1] as number) | 0;
      const flags = (first >>> 16) & 0xff;
      event.payload = payload;
      event.payloadSize = payloadSizes[i] as number;
      event.timeNs = timesNs[i] as number;
      event.cpu = cpu;
      event.pid = pid;
      event.flags = flags;
      event.context = executionContext(pid, cpu, flags);
      event.position = positions[i] as number;
      event.stack = 0;
      event.stackAt = stacks[i] as number;
      event.stackBytes = stackSizes[i] as number;
      handler(event);
    }
  }

  /** How many records of each `common_type` there were, in the order of their first. */
  countsById(): Map<number, number> {
    return new Map(this.order.map(id => [id, this.counts[id] as number]));
  }

  private newKind(id: number): EventHandler | null {
    const handler = this.handlerFor(id) ?? null;
    while (this.handlers.length <= id) {
      this.handlers.push(undefined);
      this.counts.push(0);
    }
    this.handlers[id] = handler;
    this.order.push(id);
    return handler;
  }
}

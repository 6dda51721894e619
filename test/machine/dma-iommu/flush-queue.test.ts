import { describe, expect, it } from 'vitest';
import { FlushQueue, type FlushQueueOptions } from '../../../src/machine/dma-iommu/flush-queue.ts';
import { Clock } from '../../../src/machine/time/clock.ts';
import { Timers } from '../../../src/machine/time/timers.ts';

function bench(options?: FlushQueueOptions) {
  const clock = new Clock();
  const timers = new Timers(clock);
  const log: string[] = [];
  const queue = new FlushQueue(
    {
      timers,
      flushAll: () => void log.push('flush'),
      freeIova: (_cpu, page) => void log.push(`iova ${page}`),
      freeTables: tables => {
        if (tables.length > 0) log.push(`tables ${tables.join()}`);
      },
    },
    options,
  );
  const pass = (ns: number): void => {
    clock.advance(ns);
    timers.runDue();
  };
  return { queue, log, pass };
}

describe('the flush queue', () => {
  it('flushes 10 ms after the first entry, then frees', () => {
    const { queue, log, pass } = bench();
    queue.queue(0, 1, 1, [0x1000]);
    pass(6e6);
    queue.queue(0, 2, 1, []);
    pass(3.9e6);
    expect(log).toEqual([]);
    pass(0.1e6);
    expect(log).toEqual(['flush', 'tables 4096', 'iova 1', 'iova 2']);
    expect(queue.length).toBe(0);
    queue.queue(0, 3, 1, []);
    pass(9.9e6);
    expect(log).toHaveLength(4);
    pass(0.1e6);
    expect(log.slice(4)).toEqual(['flush', 'iova 3']);
  });

  it('flushes when a ring of 256 entries is full, one of which stays empty', () => {
    const { queue, log } = bench();
    for (let page = 1; page <= 255; page++) queue.queue(0, page, 1, []);
    expect(log).toEqual([]);
    queue.queue(0, 256, 1, []);
    expect(log[0]).toBe('flush');
    expect(log).toHaveLength(256);
    expect(queue.length).toBe(1);
  });

  it('flushes all, and frees the ring of another CPU when that queues next', () => {
    const { queue, log } = bench({ cpus: 2, ringEntries: 3 });
    queue.queue(1, 50, 1, []);
    queue.queue(0, 1, 1, []);
    queue.queue(0, 2, 1, []);
    queue.queue(0, 3, 1, []);
    expect(log).toEqual(['flush', 'iova 1', 'iova 2']);
    queue.queue(1, 51, 1, []);
    expect(log.slice(3)).toEqual(['iova 50']);
  });

  it('goes without a flush, and without its timer', () => {
    const { queue, log, pass } = bench();
    queue.queue(0, 1, 1, [0x2000]);
    queue.destroy();
    pass(1e9);
    expect(log).toEqual(['tables 8192']);
  });
});

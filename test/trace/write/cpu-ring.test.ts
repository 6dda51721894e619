import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KernelAbi } from '../../../src/trace/write/abi.ts';
import { CpuRing } from '../../../src/trace/write/cpu-ring.ts';
import { readChunks } from '../../helpers/fake-chunks.ts';
import { MACHINES, X86_64 } from '../../helpers/ring-buffer.ts';

interface Step {
  readonly timeNs: number;
  readonly size: number;
  /** Events missing before this one. */
  readonly lost: number;
}

/** Writes events whose bytes say which they are; returns the sub-buffers. */
function write(steps: readonly Step[], abi: KernelAbi, subBufferSize?: number): Uint8Array[] {
  const batches: Uint8Array[] = [];
  const ring = new CpuRing(3, abi, (_, bytes) => batches.push(bytes.slice()), subBufferSize);
  for (const [i, { timeNs, size, lost }] of steps.entries()) {
    if (lost !== 0) ring.lost(lost);
    const payload = ring.reserve(timeNs, size);
    for (let at = 0; at < size; at++) ring.view.setUint8(payload + at, i & 0xff);
  }
  ring.flush();
  return batches;
}

/** Reads them back with the reader. */
function read(batches: readonly Uint8Array[], abi: KernelAbi, subBufferSize?: number) {
  const { events, gaps } = readChunks(abi, batches, subBufferSize);
  return {
    gaps,
    events: events.map(({ timeNs, payload, lost }) => ({
      timeNs,
      lost,
      size: payload.length,
      first: payload[0],
      last: payload.at(-4),
    })),
  };
}

const steps = fc
  .array(
    fc.record({
      delta: fc.oneof(fc.nat(1000), fc.nat(2 ** 28), fc.nat(2 ** 40), fc.integer({ min: -5000, max: 0 })),
      size: fc.oneof(fc.integer({ min: 8, max: 40 }), fc.integer({ min: 8, max: 1500 })),
      lost: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, fc.integer({ min: -1, max: 1e6 })),
    }),
    { maxLength: 200 },
  )
  .map(list => {
    let timeNs = 2 ** 44;
    return list.map(({ delta, size, lost }): Step => {
      timeNs += delta;
      return { timeNs, size, lost };
    });
  });

describe('the ring of a CPU', () => {
  it.each(MACHINES)('holds what was written, on %s', (_, abi) => {
    fc.assert(
      fc.property(steps, fc.constantFrom(4096, 16_384, 65_536), (list, subBufferSize) => {
        const { events, gaps } = read(write(list, abi, subBufferSize), abi, subBufferSize);
        expect(gaps).toEqual([]);
        expect(events).toEqual(
          list.map(({ timeNs, size, lost }, i) => ({
            timeNs,
            size: Math.ceil(size / 4) * 4,
            first: i & 0xff,
            last: i & 0xff,
            lost,
          })),
        );
      }),
    );
  });

  it('begins a sub-buffer with the time of its first event, without a time extend', () => {
    const [batch] = write([{ timeNs: 2 ** 50, size: 8, lost: 0 }], X86_64);
    expect(Buffer.from(batch as Uint8Array).readBigUInt64LE(0)).toBe(2n ** 50n);
    expect(Buffer.from(batch as Uint8Array).readUInt32LE(16)).toBe(2);
  });

  it('leaves nothing of an earlier batch behind the events', () => {
    const events = Array.from({ length: 3000 }, (_, i) => ({ timeNs: i, size: 100, lost: 0 }));
    const batches = write([...events, { timeNs: 3001, size: 8, lost: 5 }], X86_64);
    const last = batches.at(-1) as Uint8Array;
    const lastSubBuffer = last.subarray(last.length - 4096);
    expect(lastSubBuffer.subarray(16 + 12 + 8).every(byte => byte === 0)).toBe(true);
  });

  it('refuses an event that no sub-buffer holds', () => {
    const ring = new CpuRing(0, X86_64, () => undefined);
    expect(() => ring.reserve(0, 4096)).toThrow('an event of 4096 bytes does not fit a sub-buffer of 4096');
    expect(ring.reserve(0, 4096 - 16 - 8)).toBe(24);
  });

  it('adds up losses, and does not know the sum of one that was not counted', () => {
    const lostBefore = (...counts: number[]): number | undefined => {
      const batches: Uint8Array[] = [];
      const ring = new CpuRing(0, X86_64, (_, bytes) => batches.push(bytes.slice()));
      for (const count of counts) ring.lost(count);
      ring.reserve(1, 8);
      ring.flush();
      return read(batches, X86_64).events[0]?.lost;
    };
    expect(lostBefore(0)).toBe(0);
    expect(lostBefore(3, 4)).toBe(7);
    expect(lostBefore(3, -1, 4)).toBe(-1);
  });
});

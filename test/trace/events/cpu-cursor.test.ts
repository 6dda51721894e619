import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOST_UNCOUNTED, NOTHING_LOST } from '../../../src/trace/events/cpu-cursor.ts';
import { readChunks, type SeenEvent } from '../../helpers/fake-chunks.ts';
import {
  ARM,
  MACHINES,
  type Machine,
  record,
  S390,
  SUB_BUFFER,
  SubBuffer,
  X86_64,
} from '../../helpers/ring-buffer.ts';

/** A record that can be told from others: its number stands where the process id is. */
function numbered(machine: Machine, number: number, size = 8): Uint8Array {
  return record(machine, 1, number, size);
}

function times(machine: Machine, ...subBuffers: Uint8Array[]): number[] {
  return readChunks(machine, subBuffers).events.map(({ timeNs }) => timeNs);
}

function numbers(machine: Machine, events: readonly { readonly payload: Uint8Array }[]): number[] {
  return events.map(({ payload }) =>
    new DataView(payload.buffer, payload.byteOffset).getInt32(4, machine.littleEndian),
  );
}

describe.each(MACHINES)('the ring buffer of %s', (_, machine) => {
  it('stamps an event with the time of the sub-buffer and the deltas up to it', () => {
    const page = new SubBuffer(machine, 5_000_000_000)
      .event(0, numbered(machine, 1))
      .event(700, numbered(machine, 2))
      .event(0, numbered(machine, 3))
      .event(2 ** 27 - 1, numbered(machine, 4));
    expect(times(machine, page.close())).toEqual([
      5_000_000_000, 5_000_000_700, 5_000_000_700, 5_134_218_427,
    ]);
  });

  it('adds a time extend, which holds what a 27-bit delta cannot', () => {
    const day = 86_400_000_000_000;
    const page = new SubBuffer(machine, 1000)
      .event(0, numbered(machine, 1))
      .timeExtend(day)
      .event(0, numbered(machine, 2))
      .event(5, numbered(machine, 3));
    expect(times(machine, page.close())).toEqual([1000, day + 1000, day + 1005]);
  });

  it('sets the clock by an absolute time stamp', () => {
    const page = new SubBuffer(machine, 1000)
      .event(10, numbered(machine, 1))
      .timeStamp(77_000_000_001)
      .event(0, numbered(machine, 2))
      .event(3, numbered(machine, 3));
    expect(times(machine, page.close())).toEqual([1010, 77_000_000_001, 77_000_000_004]);
  });

  it('starts each sub-buffer with its own time', () => {
    const first = new SubBuffer(machine, 1000).event(0, numbered(machine, 1)).event(50, numbered(machine, 2));
    const second = new SubBuffer(machine, 9000).event(0, numbered(machine, 3));
    expect(times(machine, first.close(), second.close())).toEqual([1000, 1050, 9000]);
  });

  it('finds small and large records, whatever is between them', () => {
    const sizes = [8, 12, 112, 116, 400, 1000, 8];
    const page = new SubBuffer(machine, 0);
    for (const [i, size] of sizes.entries()) {
      if (i % 2 === 1) page.timeExtend(2 ** 27);
      page.event(1, numbered(machine, i, size));
    }
    const { events, gaps } = readChunks(machine, [page.close()]);
    expect(numbers(machine, events)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(events.map(({ payload }) => payload.length)).toEqual(sizes);
    expect(events[5]?.payload).toEqual(numbered(machine, 5, 1000));
    expect(gaps).toEqual([]);
  });

  it('reads records whose length always stands in a word of its own, as machines without unaligned access have them', () => {
    const page = new SubBuffer(machine, 0).large(0, numbered(machine, 1)).large(4, numbered(machine, 2, 16));
    const { events } = readChunks(machine, [page.close()]);
    expect(events.map(({ payload }) => payload.length)).toEqual([8, 16]);
    expect(numbers(machine, events)).toEqual([1, 2]);
  });

  it('skips discarded events and keeps their delta, unless it is the 1 that the kernel forces', () => {
    const page = new SubBuffer(machine, 1000)
      .discarded(500, 40)
      .event(5, numbered(machine, 1))
      .discarded(0, 8)
      .event(5, numbered(machine, 2));
    expect(times(machine, page.close())).toEqual([1505, 1510]);
  });

  it('leaves a sub-buffer at its padding, and goes on in the next', () => {
    const first = new SubBuffer(machine, 0).event(0, numbered(machine, 1)).padding().word(0xdead_beef);
    const second = new SubBuffer(machine, 100).event(0, numbered(machine, 2));
    const { events, gaps } = readChunks(machine, [first.close(), second.close()]);
    expect(numbers(machine, events)).toEqual([1, 2]);
    expect(gaps).toEqual([]);
  });

  it('passes over sub-buffers without events', () => {
    const empty = new SubBuffer(machine, 50).close();
    const page = new SubBuffer(machine, 100).event(0, numbered(machine, 1)).close();
    const chunk = new Uint8Array(Buffer.concat([empty, page, empty]));
    expect(times(machine, empty, chunk, empty)).toEqual([100]);
  });

  it('reads sub-buffers of more than one page', () => {
    const pages = [0, 1].map(i => {
      const page = new SubBuffer(machine, i * 1_000_000, 16_384);
      for (let n = 0; n < 100; n++) page.event(1, numbered(machine, i * 100 + n, 120));
      return page.close();
    });
    const { events } = readChunks(machine, [new Uint8Array(Buffer.concat(pages))], 16_384);
    expect(numbers(machine, events)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(events[150]?.timeNs).toBe(1_000_051);
  });

  it('says how many events the kernel dropped before a sub-buffer', () => {
    const first = new SubBuffer(machine, 0).event(0, numbered(machine, 1)).close();
    const second = new SubBuffer(machine, 10)
      .event(0, numbered(machine, 2))
      .event(1, numbered(machine, 3))
      .close({ missed: 20_956 });
    const { events } = readChunks(machine, [first, second]);
    expect(events.map(({ lost }) => lost)).toEqual([NOTHING_LOST, 20_956, NOTHING_LOST]);
  });

  it('says that events were dropped where the kernel had no room for their number', () => {
    const page = new SubBuffer(machine, 0).event(0, numbered(machine, 1)).close({ missed: 'uncounted' });
    expect(readChunks(machine, [page]).events.map(({ lost }) => lost)).toEqual([LOST_UNCOUNTED]);
  });
});

describe('events that were dropped', () => {
  const page = (missed: number | 'uncounted', ...payloads: Uint8Array[]): Uint8Array => {
    const subBuffer = new SubBuffer(X86_64, 0);
    for (const payload of payloads) subBuffer.event(0, payload);
    return subBuffer.close({ missed });
  };
  const lostBefore = (...pages: Uint8Array[]): number | undefined =>
    readChunks(X86_64, pages).events[0]?.lost;
  const one = numbered(X86_64, 1);

  it('add up over sub-buffers without events', () => {
    expect(lostBefore(page(3), page(4, one))).toBe(7);
  });

  it('are not counted as soon as one part of them is not', () => {
    expect(lostBefore(page('uncounted'), page(4, one))).toBe(LOST_UNCOUNTED);
    expect(lostBefore(page(4), page('uncounted', one))).toBe(LOST_UNCOUNTED);
  });

  it('are not none, even where the kernel stored a 0', () => {
    expect(lostBefore(page(0, one))).toBe(LOST_UNCOUNTED);
  });

  it('are told although their number would stand behind the end of the sub-buffer', () => {
    const full = new SubBuffer(X86_64, 0);
    while (full.room >= 12) full.event(0, one);
    const bytes = full.close();
    const view = new DataView(bytes.buffer);
    // Both flags, but no room: what follows is the next sub-buffer.
    view.setUint32(8, view.getUint32(8, true) + 0xc000_0000, true);
    const next = new SubBuffer(X86_64, 10).event(0, one).close();
    const chunk = new Uint8Array(Buffer.concat([bytes, next]));
    const { events, gaps } = readChunks(X86_64, [chunk]);
    expect(events[0]?.lost).toBe(LOST_UNCOUNTED);
    expect(events.at(-1)).toMatchObject({ timeNs: 10, lost: NOTHING_LOST });
    expect(gaps).toEqual([]);
  });
});

describe('damage costs the rest of its sub-buffer, is noted, and counts as loss', () => {
  const next = new SubBuffer(X86_64, 9000).event(0, numbered(X86_64, 99)).close();

  const expectSkipped = (damaged: Uint8Array, read: readonly number[], gap: string | RegExp): void => {
    const { events, gaps } = readChunks(X86_64, [damaged, next]);
    expect(numbers(X86_64, events)).toEqual([...read, 99]);
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toMatch(gap);
    expect(events.at(-1)).toMatchObject({ timeNs: 9000, lost: LOST_UNCOUNTED });
  };

  it('a record longer than what is left', () => {
    const page = new SubBuffer(X86_64, 0).event(0, numbered(X86_64, 1)).header(28, 1).word(0).word(0);
    expectSkipped(page.close(), [1], 'an event claims 112 bytes in a sub-buffer where 12 bytes are left');
  });

  it('a large record longer than the file', () => {
    const page = new SubBuffer(X86_64, 0)
      .event(0, numbered(X86_64, 1))
      .header(0, 1)
      .word(0xffff_fff0)
      .word(0);
    expectSkipped(page.close(), [1], 'an event claims 4294967276 bytes');
  });

  it('a large record shorter than its own length word', () => {
    const page = new SubBuffer(X86_64, 0).event(0, numbered(X86_64, 1)).header(0, 1).word(0).word(0);
    expectSkipped(page.close(), [1], 'an event claims -4 bytes');
  });

  it('a record too short for a type and a process id', () => {
    const page = new SubBuffer(X86_64, 0).header(1, 1).word(7).event(0, numbered(X86_64, 1));
    expectSkipped(page.close(), [], 'an event claims 4 bytes');
  });

  it('a discarded event that ends behind the events', () => {
    const page = new SubBuffer(X86_64, 0).event(0, numbered(X86_64, 1)).header(29, 5).word(4000).word(0);
    expectSkipped(page.close(), [1], 'a discarded event claims 4000 bytes');
  });

  it('a time extend that is cut in two', () => {
    const page = new SubBuffer(X86_64, 0).event(0, numbered(X86_64, 1)).header(30, 5);
    expectSkipped(page.close(), [1], 'an event header is cut');
  });

  it('a commit word larger than the sub-buffer: what is there is read', () => {
    const page = new SubBuffer(X86_64, 0).event(0, numbered(X86_64, 1)).padding();
    expect(readChunks(X86_64, [page.close({ committed: 5000 })]).gaps).toEqual([
      'a sub-buffer claims 5000 bytes of events, 920 more than there are; the file is cut short or damaged',
    ]);
  });

  it('a file that ends inside a sub-buffer', () => {
    const page = new SubBuffer(X86_64, 0);
    for (let i = 0; i < 100; i++) page.event(0, numbered(X86_64, i));
    const { events, gaps } = readChunks(X86_64, [page.close().subarray(0, 16 + 12 * 40 + 7)]);
    expect(events).toHaveLength(40);
    expect(gaps[0]).toBe(
      'a sub-buffer claims 1200 bytes of events, 713 more than there are; the file is cut short or damaged',
    );
  });

  it('a chunk that ends inside the header of a sub-buffer', () => {
    const page = new SubBuffer(S390, 0).event(0, numbered(S390, 1)).close();
    const { events } = readChunks(S390, [new Uint8Array(Buffer.concat([page, page.subarray(0, 9)])), page]);
    expect(numbers(S390, events)).toEqual([1, 1]);
  });
});

describe('for every ring buffer', () => {
  const machines = fc.constantFrom(...MACHINES.map(([, machine]) => machine));

  type Step =
    | { readonly kind: 'event'; readonly delta: number; readonly size: number }
    | { readonly kind: 'extend'; readonly delta: number }
    | { readonly kind: 'discarded'; readonly delta: number; readonly size: number };

  const deltas = fc.oneof(fc.nat(1000), fc.nat(2 ** 27 - 1));
  const steps: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('event' as const),
        delta: deltas,
        size: fc.integer({ min: 8, max: 600 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('extend' as const),
        delta: fc.integer({ min: 2 ** 27, max: 2 ** 45 }),
      }),
    },
    {
      weight: 1,
      // A delta of 1 may be one that the kernel made up: the clock does not take it.
      arbitrary: fc.record({
        kind: fc.constant('discarded' as const),
        delta: fc.integer({ min: 2, max: 2 ** 27 - 1 }),
        size: fc.integer({ min: 8, max: 200 }),
      }),
    },
  );

  it('what was written is read back, with its time and its bytes', () => {
    fc.assert(
      fc.property(machines, fc.array(steps, { maxLength: 60 }), fc.nat(2 ** 40), (machine, list, start) => {
        const pages: Uint8Array[] = [];
        const expected: { timeNs: number; payload: Uint8Array; lost: number }[] = [];
        let clock = start;
        let page = new SubBuffer(machine, clock);
        for (const [i, step] of list.entries()) {
          if (page.room < 620) {
            pages.push(page.close());
            page = new SubBuffer(machine, clock);
          }
          clock += step.delta;
          if (step.kind === 'extend') page.timeExtend(step.delta);
          else if (step.kind === 'discarded') page.discarded(step.delta, step.size);
          else {
            const payload = numbered(machine, i, Math.ceil(step.size / 4) * 4);
            page.event(step.delta, payload);
            expected.push({ timeNs: clock, payload, lost: 0 });
          }
        }
        pages.push(page.close());
        const { events, gaps } = readChunks(machine, pages);
        expect(events).toEqual(expected);
        expect(gaps).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('random bytes come to an end, inside of what is there', () => {
    // Small numbers are likely, so that sub-buffers have events and events have lengths that fit.
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 3 * SUB_BUFFER }),
      fc.array(fc.oneof(fc.nat(200), fc.nat(0xffff_ffff)), { maxLength: 3 * 1024 }).map(words => {
        const view = new DataView(new ArrayBuffer(words.length * 4));
        for (const [i, word] of words.entries()) view.setUint32(i * 4, word, true);
        return new Uint8Array(view.buffer);
      }),
    );
    fc.assert(
      fc.property(machines, fc.array(bytes, { maxLength: 3 }), (machine, chunks) => {
        const { events } = readChunks(machine, chunks);
        const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        expect(events.reduce((sum, { payload }) => sum + payload.length + 4, 0)).toBeLessThanOrEqual(total);
      }),
      { numRuns: 200 },
    );
  });

  it('a bit that tips over costs no more than its sub-buffer', () => {
    const pages = [0, 1, 2].map(i => {
      const page = new SubBuffer(ARM, i * 1_000_000);
      while (page.room > 64) page.event(3, numbered(ARM, i, 8 + (page.room % 40)));
      return page.close();
    });
    const [first, second, third] = pages as [Uint8Array, Uint8Array, Uint8Array];
    const text = ({ timeNs, payload }: SeenEvent): string =>
      `${timeNs} ${Buffer.from(payload).toString('hex')}`;
    const before = readChunks(ARM, [first]).events.map(text);
    const behind = readChunks(ARM, [third]).events.map(text);
    fc.assert(
      fc.property(fc.nat(SUB_BUFFER * 8 - 1), bit => {
        const damaged = second.slice();
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const read = readChunks(ARM, [first, damaged, third]).events.map(text);
        expect(read.slice(0, before.length)).toEqual(before);
        expect(read.slice(read.length - behind.length)).toEqual(behind);
      }),
      { numRuns: 100 },
    );
  });
});

import { describe, expect, it } from 'vitest';
import { interpretOptions } from '../../../src/trace/dat/options.ts';
import { OPTION } from '../../../src/trace/dat/sections.ts';
import { TraceSource } from '../../../src/trace/trace-source.ts';
import { ByteWriter } from '../../../src/trace/write/byte-writer.ts';
import type { TraceDescription } from '../../../src/trace/write/description.ts';
import { EventWriter } from '../../../src/trace/write/event-writer.ts';
import { RingBuffer } from '../../../src/trace/write/ring-buffer.ts';
import { TraceWriter } from '../../../src/trace/write/trace-writer.ts';
import { PAGE_FREE } from '../../helpers/kernel-events.ts';
import { temporaryFiles } from '../../helpers/play.ts';
import { X86_64 } from '../../helpers/ring-buffer.ts';

const files = temporaryFiles();

const bytes = (): ByteWriter => new ByteWriter(true);
const text = (content: string): Uint8Array => bytes().cstring(content).finish();

/** Opens a recording of a free at 10 s that has these options. */
async function withOptions(
  options: NonNullable<TraceDescription['options']>,
  traceClock = 'local [mono]',
): Promise<{ times: number[]; notes: readonly string[]; gaps: string[] }> {
  const path = files.path('options.dat');
  const writer = await TraceWriter.create(path, { formats: [PAGE_FREE], traceClock, options });
  const ring = new RingBuffer(X86_64, (cpu, subBuffers) => writer.write(0, cpu, subBuffers));
  new EventWriter(PAGE_FREE.format, X86_64).write(ring.cpu(0), 10_000_000_000, 1, 0, { pfn: 1 });
  ring.flush();
  writer.finish();
  const source = await TraceSource.open(path);
  const times: number[] = [];
  const result = source.walk(() => event => times.push(event.timeNs), { eventsLost: () => undefined });
  expect([result.firstNs, result.lastNs]).toEqual([times[0], times[0]]);
  source.close();
  return { times, notes: source.notes, gaps: source.gaps.map(({ message }) => message) };
}

describe('the options of a trace.dat', () => {
  it('that shift the times are applied as trace-cmd does', async () => {
    // `--date` is in microseconds and mostly hexadecimal, `--ts-offset` in nanoseconds.
    expect((await withOptions([[OPTION.date, text('0x100')]])).times).toEqual([10_000_256_000]);
    expect((await withOptions([[OPTION.offset, text('-5000')]])).times).toEqual([9_999_995_000]);
    expect((await withOptions([[OPTION.offset, text('nonsense')]])).times).toEqual([10_000_000_000]);
  });

  it('turn ticks into nanoseconds, exactly', async () => {
    const scale = bytes().u32(1_000_000_007).u32(31).u64(123).finish();
    const { times, notes } = await withOptions([[OPTION.tsc2nsec, scale]], 'local [x86-tsc]');
    expect(times).toEqual([Number((10_000_000_000n * 1_000_000_007n) >> 31n)]);
    expect(notes).toEqual([]);
  });

  it('that are not known are skipped with a note', async () => {
    expect((await withOptions([[99, text('what is this?')]])).notes).toEqual([
      'Some options of the file are not known and were skipped (id 99): it was written by a newer trace-cmd.',
    ]);
    // Known, but without a meaning here.
    const hook = text('H:sched:sched_switch');
    expect(
      (
        await withOptions([
          [OPTION.hook, hook],
          [OPTION.version, text('3.1.6')],
        ])
      ).notes,
    ).toEqual([]);
  });

  it('that cannot be read cost only what they would have said', async () => {
    const { times, gaps } = await withOptions([[OPTION.tsc2nsec, Uint8Array.of(1, 2)]]);
    expect(times).toEqual([10_000_000_000]);
    expect(gaps).toEqual([
      expect.stringContaining('the option with id 14 ends after 2 bytes where 4 more bytes should follow'),
    ]);
  });

  it.each([
    ['counter', 'The clock "counter" numbers the events'],
    ['x86-tsc', 'The clock "x86-tsc" counts ticks of the processor, and the file does not say how long'],
    ['uptime', 'The clock "uptime" counts jiffies'],
  ])('that name the clock %s get a note', async (clock, note) => {
    expect((await withOptions([], `local [${clock}]`)).notes).toEqual([expect.stringContaining(note)]);
  });

  it('say who recorded together', async () => {
    const guest = bytes().cstring('vm1').u64(0xabcdn).u32(0).finish();
    expect((await withOptions([[OPTION.guest, guest]])).notes).toEqual([
      expect.stringContaining(
        'the recording of a host and was made together with that of guest "vm1" (trace id 000000000000abcd)',
      ),
    ]);
    const shift = bytes().u64(0x1234n).u32(0).u32(0).finish();
    const own = bytes().u64(0xabcdn).finish();
    expect(
      (
        await withOptions([
          [OPTION.traceId, own],
          [OPTION.timeShift, shift],
        ])
      ).notes,
    ).toEqual([
      expect.stringContaining(
        'the recording of a guest (trace id 000000000000abcd), made together with that of its host (trace id 0000000000001234)',
      ),
    ]);
  });

  it('are read in the byte order of the recorder', () => {
    const count = new ByteWriter(false).u32(8).finish();
    expect(interpretOptions([{ id: OPTION.cpuCount, offset: 0, data: count }], false, 'a').cpuCount).toBe(8);
  });
});

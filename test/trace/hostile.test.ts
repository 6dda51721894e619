import { copyFileSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gap } from '../../src/trace/source.ts';
import { TraceError } from '../../src/trace/trace-error.ts';
import { bordersOf } from '../helpers/borders.ts';
import { EventType } from '../helpers/event-type.ts';
import { PAGE_FREE } from '../helpers/kernel-events.ts';
import { type Played, play, temporaryFiles } from '../helpers/play.ts';
import { type Happening, recordingOf } from '../helpers/recording.ts';
import { type Form, type Recording, writeTraceFile } from '../helpers/trace-file.ts';
import { fixture } from '../helpers/traces.ts';

const files = temporaryFiles();

/** What came of reading a file: a refusal, or what could be read. */
type Outcome =
  | { readonly refused: string }
  | {
      readonly refused?: never;
      /** Time and CPU of each event, `1000 [0]`. */
      readonly events: string[];
      readonly gaps: readonly Gap[];
    };

/** One line for a person to read. */
const ONE_LINE = /^[^\p{Cc}]+$/u;

/** Reads a file as far as it can be read. Anything but a `TraceError` is a bug, and so is a long time. */
async function read(path: string): Promise<Outcome> {
  const started = performance.now();
  try {
    const { moments, gaps } = await play(path);
    for (const { message } of gaps) expect(message).toMatch(ONE_LINE);
    return { events: eventsOf(moments), gaps };
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    expect(error.message).toMatch(ONE_LINE);
    expect(error.message.startsWith(`${path}: `)).toBe(true);
    return { refused: error.message };
  } finally {
    // Milliseconds where the machine is free; what makes a reader wait grows with the square of something.
    expect(performance.now() - started).toBeLessThan(5000);
  }
}

function eventsOf(moments: Played['moments']): string[] {
  return moments.flatMap(at => (at ? [`${at.timeNs} [${at.cpu}]`] : []));
}

async function refusal(path: string): Promise<string> {
  const outcome = await read(path);
  return outcome.refused ?? `read, with ${outcome.gaps.length} gaps`;
}

async function refusalOf(bytes: Uint8Array): Promise<string> {
  return (await refusal(files.write('a.dat', bytes))).replace(files.path('a.dat'), 'a.dat');
}

const MAGIC = '\x17\x08Dtracing';

describe('a file that is no trace.dat is refused, with what it is', () => {
  it('a missing one', async () => {
    expect(await refusal(files.path('missing.dat'))).toBe(
      `${files.path('missing.dat')}: there is no such file`,
    );
  });

  it('a directory', async () => {
    mkdirSync(files.path('folder.dat'));
    expect(await refusal(files.path('folder.dat'))).toMatch(
      /: is a directory; name the trace\.dat file in it$/,
    );
  });

  it.each([
    ['an empty file', '', 'a.dat: is empty; a trace.dat is expected'],
    [
      'a text',
      '# tracer: nop\n#\n',
      'a.dat: is not a trace.dat: it begins with the text "# tracer: no"; record one with trace-cmd record',
    ],
    [
      'other data',
      '\x7fELF\x02\x01\x01\0\0\0\0\0\0',
      'a.dat: is not a trace.dat: it begins with the bytes 7f 45 4c 46 02 01 01 00 00 00 00 00; record one with trace-cmd record',
    ],
    ['the magic alone', MAGIC, /^a\.dat: the file header ends after 10 bytes/],
    ['another version', `${MAGIC}8\0`, 'a.dat: is a trace.dat of version "8"; versions 6 and 7 can be read'],
    [
      'a version of several lines',
      `${MAGIC}7\n\x1b[2J\0`,
      'a.dat: is a trace.dat of version "7\\x0a\\x1b[2J"; versions 6 and 7 can be read',
    ],
    [
      'a long of 3 bytes',
      `${MAGIC}7\0\0\x03\0\x10\0\0`,
      /^a\.dat: says that a long has 3 bytes; 4 or 8 is expected/,
    ],
    ['a page of 0 bytes', `${MAGIC}7\0\0\x08\0\0\0\0`, /^a\.dat: says that a page has 0 bytes/],
    [
      'a compression that nobody knows',
      `${MAGIC}7\0\0\x08\0\x10\0\0\nbz\0`.padEnd(60, '\0'),
      /^a\.dat: is compressed with "\\x0abz"; zstd, zlib and none can be read/,
    ],
  ])('%s', async (_, content, message) => {
    const found = await refusalOf(Buffer.from(content, 'latin1'));
    if (typeof message === 'string') expect(found).toBe(message);
    else expect(found).toMatch(message);
  });

  it('random bytes, also behind the header of a trace.dat', async () => {
    const headers = [
      '',
      MAGIC,
      `${MAGIC}6\0\0\x08\0\x10\0\0`,
      `${MAGIC}7\0\0\x08\0\x10\0\0none\0\0`,
      `${MAGIC}7\0\0\x08\0\x10\0\0zstd\0\0`,
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...headers),
        fc.uint8Array({ maxLength: 3000 }),
        async (header, bytes) => {
          await refusalOf(Buffer.concat([Buffer.from(header, 'latin1'), bytes]));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a real recording that is cut short', () => {
  const RECORDINGS = [
    ['version 6', fixture('forms/uaf-v6.dat')],
    ['version 7', fixture('forms/uaf-v7-none.dat')],
    ['version 7 with zstd', fixture('forms/uaf-v7-zstd.dat')],
    ['version 7 with sections of both kinds', fixture('stock-kernel/ok.dat')],
  ] as const;

  /** Lengths to cut to, from the longest to the shortest. */
  function lengths(path: string): number[] {
    const whole = readFileSync(path).length;
    const spread = Array.from({ length: 200 }, (_, i) => Math.floor((whole * i) / 200) + (i % 16));
    const borders = bordersOf(path).flatMap(border => [border - 1, border, border + 1]);
    return [...new Set([...spread, ...borders, whole - 1])]
      .filter(length => length >= 0 && length < whole)
      .sort((a, b) => b - a);
  }

  it.each(RECORDINGS)('of %s is refused, or read in part with a gap that says so', async (_, path) => {
    const whole = await play(path);
    const all = eventsOf(whole.moments);
    const known = new Set(all);
    const copy = files.path('cut.dat');
    copyFileSync(path, copy);
    let partial = 0;
    for (const length of lengths(path)) {
      truncateSync(copy, length);
      const outcome = await read(copy);
      if (outcome.refused !== undefined) continue;
      partial++;
      const { events, gaps } = outcome;
      expect(
        events.filter(event => !known.has(event)),
        `cut to ${length} bytes`,
      ).toEqual([]);
      // What is cut off may be something that is not needed.
      if (gaps.length === 0) expect(events, `cut to ${length} bytes`).toEqual(all);
    }
    expect(partial).toBeGreaterThan(10);
  });
});

describe('a recording with a wrong byte', () => {
  const EVENTS: readonly Happening[] = Array.from({ length: 600 }, (_, i) => ({
    timeNs: 1000 + i * 10,
    cpu: i % 2,
    type: PAGE_FREE,
    values: { pfn: i, order: 0 },
  }));
  const written = (form: Form): Uint8Array => writeTraceFile(recordingOf(EVENTS), form).bytes;
  const RECORDINGS: readonly Uint8Array[] = [
    readFileSync(fixture('stock-kernel/ok.dat')),
    readFileSync(fixture('forms/uaf-v7-zstd.dat')),
    written({ version: 6 }),
    written({ version: 7 }),
    written({ version: 7, compression: 'zlib' }),
  ];

  it('is refused or read, and quickly', async () => {
    const places = fc.oneof(
      // Headers, options and formats are denser in meaning than events are.
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.double({ min: 0, max: 0.05, noNaN: true }),
      fc.double({ min: 0.95, max: 1, maxExcluded: true, noNaN: true }),
    );
    const values = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.nat(RECORDINGS.length - 1), places, values, async (which, place, value) => {
        const damaged = new Uint8Array(RECORDINGS[which] ?? new Uint8Array(0));
        damaged[Math.floor(place * damaged.length)] = value;
        await read(files.write('damaged.dat', damaged));
      }),
      { numRuns: 300 },
    );
  });
});

describe('a file that somebody made to do harm', () => {
  const FREE: Happening = { timeNs: 1000, type: PAGE_FREE, values: { pfn: 1 } };

  /** A recording whose last buffer claims to have sub-buffers of this size. */
  function withSubBufferSize(recording: Recording, form: Form, size: number): Uint8Array {
    const bytes = Buffer.from(writeTraceFile({ ...recording, clocks: '[boot]' }, form).bytes);
    // The option of the buffer has the size behind the name of the clock.
    bytes.writeUInt32LE(size, bytes.lastIndexOf('boot\0') + 5);
    return bytes;
  }

  it.each<[string, Form]>([
    ['compressed', { version: 7, compression: 'zlib' }],
    ['not compressed', { version: 7 }],
  ])('with sub-buffers of no size is refused (%s)', async (_, form) => {
    for (const size of [0, 1, 100, 4095]) {
      expect(await refusalOf(withSubBufferSize(recordingOf([FREE]), form, size))).toBe(
        `a.dat: the buffer option "" has sub-buffers of ${size} bytes, less than a page; the file is damaged`,
      );
    }
  });

  it.each([
    ['a timestamp behind the header', 'timestamp;\toffset:0;', 'timestamp;\toffset:9;'],
    ['a commit word that is no long', 'commit;\toffset:8;\tsize:8;', 'commit;\toffset:8;\tsize:2;'],
    ['a commit word behind the header', 'commit;\toffset:8;', 'commit;\toffset:9;'],
    ['events before the header', 'data;\toffset:16;', 'data;\toffset:06;'],
    ['less than a page', 'size:4080;', 'size:0080;'],
    ['no commit word', 'commit;', 'comment;'.slice(0, 7)],
  ])('with a page header that has %s is refused', async (_, from, to) => {
    for (const version of [6, 7] as const) {
      const bytes = Buffer.from(writeTraceFile(recordingOf([FREE]), { version }).bytes);
      const at = bytes.indexOf(from);
      expect(at).toBeGreaterThan(0);
      bytes.write(to, at, 'latin1');
      expect(await refusalOf(bytes)).toMatch(/^a\.dat: its header_page .*; it is damaged$/);
    }
  });

  it('with a chunk that claims to become very large costs no memory', async () => {
    const path = fixture('forms/uaf-v7-zstd.dat');
    const bytes = readFileSync(path);
    // A chunk of ten pages, as trace-cmd writes them: its size in the file, its size, and the magic of zstd.
    const at = bytes.indexOf(Buffer.from([0, 0xa0, 0, 0, 0x28, 0xb5, 0x2f, 0xfd]));
    expect(at).toBeGreaterThan(0);
    const before = process.memoryUsage().rss;
    for (const size of [0x100_a000, 0x1000_a000, 0x7000_a000, 0xffff_ffff]) {
      bytes.writeUInt32LE(size, at);
      const outcome = await read(files.write('large.dat', bytes));
      expect(outcome).toMatchObject({
        gaps: [{ message: expect.stringContaining('the rest of CPU 0 was not read') }],
      });
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
  });

  it('with options that go in a circle is read', async () => {
    const bytes = Buffer.from(writeTraceFile(recordingOf([FREE]), { version: 7 }).bytes);
    // The last options section ends with the offset of the next, which is 0 for none.
    const first = bytes.readBigUInt64LE(bytes.indexOf('none\0\0') + 6);
    bytes.writeBigUInt64LE(first, bytes.length - 8);
    const outcome = await read(files.write('ring.dat', bytes));
    expect(outcome).toMatchObject({
      events: ['1000 [0]'],
      gaps: [{ message: 'the options sections form a ring; the rest of the chain was not read' }],
    });
  });

  it('with a last options section that is none is read as one that was cut short', async () => {
    const bytes = Buffer.from(writeTraceFile(recordingOf([FREE]), { version: 7 }).bytes);
    const lastOptions = bordersOf(files.write('whole.dat', bytes)).at(-2) ?? 0;
    bytes.writeUInt16LE(77, lastOptions);
    const outcome = await read(files.write('options.dat', bytes));
    expect(outcome).toMatchObject({ events: ['1000 [0]'] });
    expect(outcome.refused ?? outcome.gaps.map(({ message }) => message)).toEqual([
      expect.stringContaining('some options were not read'),
      expect.stringContaining('the file is cut short'),
    ]);
  });

  it('with more formats than a call has room for arguments is read', async () => {
    const formats = Array.from({ length: 130_000 }, (_, i) => ({
      system: 'x',
      text: `name: a\nID: ${(i % 60_000) + 1000}\n`,
    }));
    const { bytes } = writeTraceFile(recordingOf([FREE], { formats: [PAGE_FREE, ...formats] }), {
      version: 7,
    });
    expect(await read(files.write('formats.dat', bytes))).toEqual({ events: ['1000 [0]'], gaps: [] });
  });

  it('with names and clocks that are long and full of brackets is read without delay', async () => {
    const brackets = '['.repeat(300_000);
    const nasty = new EventType('iommusan', 'nasty', 650, [['unsigned long __probe_ip', 8]]);
    const recording = recordingOf(
      [{ timeNs: 5, type: nasty, values: { __probe_ip: 0xffff_ffff_8100_0004n } }, FREE],
      {
        clocks: brackets,
        uname: `${'\t'.repeat(300_000)}x`,
        kallsyms: `ffffffff81000000 T a\t${brackets}\n`,
        commandNames: `1 ${brackets}`,
      },
    );
    expect(
      await read(files.write('brackets.dat', writeTraceFile(recording, { version: 7 }).bytes)),
    ).toMatchObject({
      events: ['1000 [0]'],
    });
  });

  it('with names of several lines does not break the lines of a message', async () => {
    const instance = { name: 'a\nb\x1b', cpus: [{ cpu: 0, subBuffers: [] }] };
    const recording = recordingOf([FREE], { subBufferSize: 12_288 });
    const { bytes } = writeTraceFile(
      { ...recording, buffers: [...recording.buffers, instance] },
      { version: 7 },
    );
    const damaged = Buffer.from(bytes);
    const at = damaged.lastIndexOf(Buffer.from([0, 0x30, 0, 0]));
    damaged.writeUInt32LE(1, at);
    expect(await refusalOf(damaged)).toMatch('the buffer option "a\\x0ab\\x1b" has sub-buffers of 1 bytes');
  });
});

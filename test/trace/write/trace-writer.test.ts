import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberReader } from '../../../src/trace/events/field-reader.ts';
import { TraceSource } from '../../../src/trace/trace-source.ts';
import { LITTLE_ENDIAN_64 } from '../../../src/trace/write/abi.ts';
import type { Compression } from '../../../src/trace/write/compress.ts';
import { fieldNamed } from '../../../src/trace/write/event-shape.ts';
import { EventWriter } from '../../../src/trace/write/event-writer.ts';
import { RingBuffer } from '../../../src/trace/write/ring-buffer.ts';
import { TraceWriter } from '../../../src/trace/write/trace-writer.ts';
import { PAGE_FREE } from '../../helpers/kernel-events.ts';
import { temporaryFiles } from '../../helpers/play.ts';
import { MACHINES } from '../../helpers/ring-buffer.ts';

const files = temporaryFiles();

interface Free {
  readonly timeNs: number;
  readonly cpu: number;
  readonly pfn: number;
}

/** The frees of a file, in the order in which it is read, and what the reader had to leave out. */
async function readFrees(path: string): Promise<{ frees: Free[]; gaps: string[] }> {
  const source = await TraceSource.open(path);
  const frees: Free[] = [];
  source.walk(
    () => {
      const pfn = numberReader(fieldNamed(PAGE_FREE.format, 'pfn'));
      return event => frees.push({ timeNs: event.timeNs, cpu: event.cpu, pfn: pfn(event) });
    },
    { eventsLost: () => expect.unreachable('nothing was lost') },
  );
  source.close();
  return { frees, gaps: source.gaps.map(({ message }) => message) };
}

/** Frees of some CPUs, one per microsecond. */
function someFrees(count: number, cpus: number): Free[] {
  return Array.from({ length: count }, (_, i) => ({ timeNs: 1000 * i, cpu: (i * 7) % cpus, pfn: i }));
}

async function startWriting(path: string, frees: readonly Free[], compression: Compression = 'none') {
  const writer = await TraceWriter.create(
    path,
    { formats: [PAGE_FREE], traceClock: 'local [mono]' },
    { compression },
  );
  const ring = new RingBuffer(LITTLE_ENDIAN_64, (cpu, bytes) => writer.write(0, cpu, bytes));
  const event = new EventWriter(PAGE_FREE.format, LITTLE_ENDIAN_64);
  for (const { timeNs, cpu, pfn } of frees) event.write(ring.cpu(cpu), timeNs, 1, 0, { pfn });
  ring.flush();
  return writer;
}

describe('the trace writer', () => {
  it.each(['none', 'zlib'] as const)('writes what is read again, compressed with %s', async compression => {
    const path = files.path(`whole-${compression}.dat`);
    const frees = someFrees(30_000, 5);
    (await startWriting(path, frees, compression)).finish();
    expect(await readFrees(path)).toEqual({ frees, gaps: [] });
  });

  it('writes traces of every kind of machine, with sub-buffers of any size, in any order of CPUs', async () => {
    const event = fc.record({ delta: fc.nat(1e6), cpu: fc.constantFrom(0, 1, 7, 300) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...MACHINES.map(([, machine]) => machine)),
        fc.constantFrom(4096, 8192, 65_536, 131_072),
        fc.array(event, { maxLength: 300 }),
        async (abi, subBufferSize, list) => {
          const path = files.path('any.dat');
          let timeNs = 0;
          const frees = list.map(({ delta, cpu }, pfn) => {
            timeNs += delta + 1;
            return { timeNs, cpu, pfn };
          });
          const writer = await TraceWriter.create(path, { abi, formats: [PAGE_FREE] }, { subBufferSize });
          const ring = new RingBuffer(abi, (cpu, bytes) => writer.write(0, cpu, bytes), subBufferSize);
          const encoder = new EventWriter(PAGE_FREE.format, abi);
          for (const free of frees) encoder.write(ring.cpu(free.cpu), free.timeNs, 1, 0, { pfn: free.pfn });
          ring.flush();
          writer.finish();
          expect(await readFrees(path)).toEqual({ frees, gaps: [] });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps what the recording says about itself, and what became known at its end', async () => {
    const path = files.path('described.dat');
    const writer = await TraceWriter.create(
      path,
      {
        formats: [PAGE_FREE],
        kallsyms: 'ffffffff81000000 T _text\n',
        uname: 'Linux host 7.2.13 x86_64',
        traceClock: 'local global [mono]\n',
        pageSize: 4096,
      },
      { compression: 'zlib' },
    );
    const instance = writer.addBuffer('quiet', { clock: 'boot', subBufferSize: 8192 });
    writer.write(instance, 2, new Uint8Array(16_384));
    writer.finish({
      commandNames: '1 init\n42 a name with blanks\n',
      statistics: ['CPU: 0\nentries: 0\noverrun: 17\ndropped events: 4\n'],
    });
    const { trace, names, close } = await opened(path);
    expect(trace).toMatchObject({
      version: 7,
      compression: 'zlib',
      uname: 'Linux host 7.2.13 x86_64',
      statistics: [{ cpu: 0, overrun: 17, droppedEvents: 4 }],
    });
    expect(trace.buffers).toMatchObject([
      { name: '', clock: 'mono', subBufferSize: 4096, cpus: [{ cpu: 0, size: 0 }] },
      { name: 'quiet', clock: 'boot', subBufferSize: 8192, cpus: [{ cpu: 2 }] },
    ]);
    expect(names.task(42)).toBe('a name with blanks');
    expect(names.symbols.at(0xffff_ffff, 0x8100_0010)?.name).toBe('_text');
    close();
  });

  it('leaves nothing beside the file', async () => {
    const path = files.path('tidy.dat');
    (await startWriting(path, someFrees(10, 1))).finish();
    const beside = readdirSync(dirname(path)).filter(name => name.startsWith('tidy'));
    expect(beside).toEqual(['tidy.dat']);
    (await startWriting(path, someFrees(10, 1))).discard();
    expect(existsSync(`${path}.partial`)).toBe(false);
  });

  it('replaces a file only when the new one is complete', async () => {
    const path = files.path('old.dat');
    (await startWriting(path, someFrees(10, 1))).finish();
    const before = readFileSync(path);
    const writer = await startWriting(path, someFrees(500, 1));
    writer.flush();
    expect(readFileSync(path)).toEqual(before);
    writer.finish();
    expect((await readFrees(path)).frees).toHaveLength(500);
  });

  it('has no more in memory than a chunk for each CPU', async () => {
    const path = files.path('streamed.dat');
    const writer = await TraceWriter.create(path, { formats: [PAGE_FREE] }, { compression: 'none' });
    for (let i = 0; i < 64; i++) writer.write(0, 0, new Uint8Array(1 << 20));
    // What waits is at most 64 KiB of this CPU and 1 MiB of the file.
    expect(statSync(`${path}.partial`).size).toBeGreaterThan(62 << 20);
    writer.discard();
  });

  it.each(['none', 'zlib'] as const)(
    'loses nothing that was flushed when the writer dies, compressed with %s',
    async compression => {
      const path = files.path('dies.dat');
      const frees = someFrees(30_000, 5);
      const writer = await startWriting(path, frees, compression);
      writer.flush();
      const dead = files.write('dead.dat', readFileSync(`${path}.partial`));
      expect(await readFrees(dead)).toEqual({
        frees,
        gaps: [expect.stringContaining('the file is cut short')],
      });
      // Dies while it writes: what was written before is there.
      const bytes = readFileSync(dead);
      for (const cut of [10, 5000, 70_000]) {
        const { frees: rest } = await readFrees(
          files.write('cut.dat', bytes.subarray(0, bytes.length - cut)),
        );
        expect(frees).toEqual(expect.arrayContaining(rest.slice(-3)));
        expect(rest.length).toBeGreaterThan(15_000);
      }
      writer.discard();
    },
  );

  it('takes whole sub-buffers only', async () => {
    const writer = await startWriting(files.path('pieces.dat'), []);
    expect(() => writer.write(0, 0, new Uint8Array(4097))).toThrow('4097 bytes are not a number of whole');
    expect(() => writer.write(1, 0, new Uint8Array(4096))).toThrow('there is no buffer 1');
    writer.discard();
  });
});

async function opened(path: string) {
  const source = await TraceSource.open(path);
  return { trace: source.trace, names: source.names, close: () => source.close() };
}

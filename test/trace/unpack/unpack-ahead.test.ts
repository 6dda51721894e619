import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../../src/check-trace.ts';
import { newMoment } from '../../../src/kernel/moment.ts';
import { LaneMemory } from '../../../src/lane/memory.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { openTraceDat } from '../../../src/trace/dat/open.ts';
import { isLong, unpackable } from '../../../src/trace/unpack/order.ts';
import { UnpackAhead, type UnpackedChunks } from '../../../src/trace/unpack/unpack-ahead.ts';
import { KernelRecorder } from '../../../src/trace/write/kernel-recorder.ts';
import { temporaryFiles } from '../../helpers/play.ts';
import { fixture } from '../../helpers/traces.ts';

const files = temporaryFiles();

/** The report, or the error, where another thread unpacks and where none does. */
async function expectSame(path: string): Promise<void> {
  const check = (unpackAhead: boolean): Promise<unknown> =>
    checkTrace(path, { unpackAhead }).catch((error: Error) => error.message);
  expect(await check(true)).toEqual(await check(false));
}

const RECORDINGS = ['forms', 'sanitizer-kernel', 'stock-kernel'].flatMap(folder =>
  readdirSync(fixture(folder))
    .filter(name => name.endsWith('.dat'))
    .map(name => `${folder}/${name}`),
);

/** Opens a recording whose chunks another thread unpacks. */
async function unpacking(path: string) {
  const trace = await openTraceDat(path);
  const memory = new LaneMemory();
  memory.start(64);
  const ahead = UnpackAhead.start(trace, size => memory.bytes(size), true);
  return { trace, ahead, cpus: trace.buffers.flatMap(({ cpus }) => cpus) };
}

/** Maps and unmaps, packed by zlib. */
async function recordMaps(path: string, rounds: number): Promise<void> {
  const machine = new Machine({ iommu: 'vtd', logLimit: 0 });
  const recorder = await KernelRecorder.create(path, machine.names, {}, { compression: 'zlib' });
  const at = { ...newMoment(), pid: 7, context: 7 };
  for (let round = 0; round < rounds; round++) {
    at.timeNs += 1000;
    recorder.events.iommuMap(at, 1, 1 << 30, 1 << 20, 4096, 3);
    recorder.events.iommuUnmapBegin(at, 1, 1 << 30, 4096);
    recorder.events.iommuUnmapEnd(at, 1, 1 << 30, 4096, 4096);
  }
  recorder.finish(machine.capabilities);
}

function chunksOf(chunks: UnpackedChunks | undefined): number[] {
  const sizes: number[] = [];
  for (let chunk = chunks?.next(); chunk; chunk = chunks?.next()) sizes.push(chunk.bytes.length);
  return sizes;
}

describe('chunks that another thread unpacks', () => {
  it.each(RECORDINGS)('give the same report of %s', async name => expectSame(fixture(name)));

  it('are all of them, whether zstd or zlib has packed them', async () => {
    const zlib = files.path('zlib.dat');
    await recordMaps(zlib, 20_000);
    for (const path of [fixture('forms/uaf-v7-zstd.dat'), zlib]) {
      const { trace, ahead, cpus } = await unpacking(path);
      const sizes = cpus.flatMap(cpu => chunksOf(ahead.of(cpu)));
      ahead.close();
      trace.file.close();
      expect(sizes.length).toBeGreaterThan(0);
      expect(sizes.every(size => size > 0 && size % trace.pageSize === 0)).toBe(true);
      await expectSame(path);
    }
  });

  it('are left to the reader from the first that is damaged on', { timeout: 60_000 }, async () => {
    const right = readFileSync(fixture('forms/uaf-v7-zstd.dat'));
    const change = fc.tuple(fc.nat(right.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 40 }), async changes => {
        const wrong = Buffer.from(right);
        for (const [at, value] of changes) wrong[at] = value;
        await expectSame(files.write('wrong.dat', wrong));
      }),
      { numRuns: 25 },
    );
  });

  it('are those that a file that is cut short has', async () => {
    const whole = readFileSync(fixture('forms/uaf-v7-zstd.dat'));
    for (const share of [0.5, 0.9, 0.99, 0.999]) {
      await expectSame(files.write('cut.dat', whole.subarray(0, Math.floor(share * whole.length))));
    }
  });

  it('need not be read to their end', async () => {
    const { trace, ahead, cpus } = await unpacking(fixture('forms/uaf-v7-zstd.dat'));
    const [cpu] = cpus;
    if (cpu) ahead.of(cpu)?.next();
    ahead.close();
    trace.file.close();
  });

  it('are none of a short recording: a thread would be up when it is over', async () => {
    const trace = await openTraceDat(fixture('forms/uaf-v7-zstd.dat'));
    expect(isLong(unpackable(trace))).toBe(false);
    trace.file.close();
  });
});

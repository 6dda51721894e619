import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CheckTraceOptions, checkTrace } from '../../src/check-trace.ts';
import { Machine } from '../../src/machine/machine.ts';
import { Player } from '../../src/machine/random/player.ts';
import { randomProgram } from '../../src/machine/random/program.ts';
import { KernelRecorder } from '../../src/trace/write/kernel-recorder.ts';
import { takeApart, writeWithout } from '../helpers/drop-events.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { fixture } from '../helpers/traces.ts';
import { writeOdd } from './odd-traces.ts';

const files = temporaryFiles();

/** The report, or the error, with and without compiled code. */
async function reports(path: string, options: CheckTraceOptions = {}): Promise<[unknown, unknown]> {
  const check = (compiled: boolean): Promise<unknown> =>
    checkTrace(path, { ...options, compiled }).catch((error: Error) => error.message);
  return [await check(true), await check(false)];
}

async function expectSame(path: string, options?: CheckTraceOptions): Promise<void> {
  const [compiled, long] = await reports(path, options);
  expect(compiled).toEqual(long);
}

const FOLDERS = ['sanitizer-kernel', 'stock-kernel'];
const RECORDINGS = FOLDERS.flatMap(folder =>
  readdirSync(fixture(folder))
    .filter(name => name.endsWith('.dat'))
    .map(name => `${folder}/${name}`),
);

const TEXTS = readdirSync(new URL('../fixtures/texts', import.meta.url), {
  recursive: true,
  encoding: 'utf8',
}).filter(name => name.includes('.txt'));

/** Rules that are off by default want to see every event. */
const EVERY_RULE = { enable: ['multiple-map', 'dma-overlap', 'subpage-exposure'] };

describe('compiled code gives the report that the long way gives', () => {
  it.each(RECORDINGS)('of %s', async name => {
    await expectSame(fixture(name));
    await expectSame(fixture(name), EVERY_RULE);
    await expectSame(fixture(name), { only: ['free-while-mapped'] });
    await expectSame(fixture(name), { accounting: 'kernel' });
  });

  it.each(TEXTS)('of the text %s', async name => {
    await expectSame(fileURLToPath(new URL(`../fixtures/texts/${name}`, import.meta.url)));
  });

  it.each(['fuzz-1', 'fuzz-3'])('of %s without some of its events', { timeout: 60_000 }, async name => {
    const whole = await takeApart(fixture(`sanitizer-kernel/${name}.dat`));
    const last = whole.records.length - 1;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(last), { minLength: 1, maxLength: Math.ceil(last / 20) }),
        fc.constantFrom('counted' as const, 'uncounted' as const),
        async (dropped, marking) => {
          const path = files.path('dropped.dat');
          await writeWithout(whole, new Set(dropped), marking, path);
          await expectSame(path);
        },
      ),
      { numRuns: 6 },
    );
  });

  it('of recordings with wrong bytes', { timeout: 60_000 }, async () => {
    const path = files.path('uncompressed.dat');
    await writeWithout(await takeApart(fixture('sanitizer-kernel/fuzz-3.dat')), new Set(), 'counted', path);
    const right = readFileSync(path);
    const change = fc.tuple(fc.nat(right.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 200 }), async changes => {
        const wrong = Buffer.from(right);
        for (const [at, value] of changes) wrong[at] = value;
        await expectSame(files.write('wrong.dat', wrong));
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    ['a domain that is NULL', { domain: 0n }],
    ['a device without a name', { device: '' }],
    ['a name of a device that is too long', { device: 'x'.repeat(80) }],
    ['a stack without an end', { frames: 600 }],
  ])('of %s', async (name, what) => {
    const path = files.path(`${name.replaceAll(' ', '-')}.dat`);
    await writeOdd(path, what);
    await expectSame(path);
  });

  it('of random programs on the simulated machine', { timeout: 60_000 }, async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const machine = new Machine({ iommu: 'vtd', seed, logLimit: 0, memoryBytes: 64 << 20 });
      const path = files.path(`program-${seed}.dat`);
      const recorder = await KernelRecorder.create(path, machine.names, { pageSize: 4096 });
      machine.tellTo(recorder.events);
      const mistakes = seed % 3 === 0 ? 0 : 0.02;
      new Player(machine, 2, seed % 2 === 0).play(
        randomProgram(seed, { operations: 2000, cpus: 2, mistakes }),
      );
      recorder.finish(machine.capabilities);
      await expectSame(path);
    }
  });
});

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../../src/index.ts';
import { openSource } from '../../../src/trace/open-source.ts';
import { TraceError } from '../../../src/trace/trace-error.ts';
import { type PerfForm, perfDataOf } from '../../helpers/perf-data.ts';
import { temporaryFiles } from '../../helpers/play.ts';
import { newRecorder } from '../../helpers/recorder.ts';
import { fixture } from '../../helpers/traces.ts';
import { verdictOf } from '../../helpers/verdict.ts';

const files = temporaryFiles();
const REAL = fileURLToPath(new URL('../../fixtures/perf/', import.meta.url));
const UAF = fixture('sanitizer-kernel/uaf.dat');

async function play(path: string) {
  const source = await openSource(path);
  const { sink, calls, moments } = newRecorder();
  const result = await source.run(sink);
  source.close();
  return { source, calls, moments, result };
}

/** A verdict without signatures: a perf.data does not name the functions of its stacks. */
function withoutSignature(lines: readonly string[]): string[] {
  return lines.map(line => line.slice(line.indexOf(' ') + 1)).sort();
}

describe('recordings of perf itself', () => {
  it.each(['plain', 'compressed', 'pipe'])('%s.data holds what perf script prints of it', async name => {
    const binary = await play(`${REAL}${name}.data`);
    const text = await play(`${REAL}${name}.txt`);
    expect(binary.calls).toEqual(text.calls);
    expect(binary.calls.length).toBeGreaterThan(30);
    expect(binary.source.gaps).toEqual([]);
    for (const [i, at] of binary.moments.entries()) {
      const printed = text.moments[i];
      expect([at?.cpu, at?.pid, Math.floor((at?.timeNs ?? 0) / 1000)]).toEqual([
        printed?.cpu,
        printed?.pid,
        (printed?.timeNs ?? 0) / 1000,
      ]);
      const addresses = binary.source.names.stack(at?.stack ?? 0).map(({ address }) => address);
      expect(addresses).toEqual(text.source.names.stack(printed?.stack ?? 0).map(({ address }) => address));
    }
    expect(binary.source.description).toMatchObject({
      uname: 'Linux 6.18.44-fc-v669 x86_64',
      pageSize: 4096,
    });
  });
});

describe.each<[string, PerfForm]>([
  ['file', {}],
  ['compressed file', { compressed: true }],
  ['stream', { pipe: true }],
  ['compressed stream', { pipe: true, compressed: true }],
])('a perf.data that is a %s', (_, form) => {
  it.each(['uaf', 'sg_ok'])('gives the findings of the trace.dat of %s', async name => {
    const path = fixture(`sanitizer-kernel/${name}.dat`);
    const binary = await checkTrace(path);
    const perf = await checkTrace(files.write('perf.data', await perfDataOf(path, form)));
    expect(withoutSignature(verdictOf(perf))).toEqual(withoutSignature(verdictOf(binary)));
    expect(perf.accounting).toEqual(binary.accounting);
    expect(perf.gaps).toEqual([]);
  });

  it('tells of lost records before the events that are behind them', async () => {
    const path = files.write(
      'lost.data',
      await perfDataOf(UAF, { ...form, loss: { before: 40, count: 12 } }),
    );
    const { lost } = await checkTrace(path);
    expect(lost).toMatchObject({ events: 12, windows: [{ count: 12 }] });
    const [window] = lost.windows;
    expect(window?.sinceNs).toBeLessThan(window?.untilNs ?? 0);
  });

  it('is read as far as it goes, whatever is damaged', async () => {
    const whole = await perfDataOf(UAF, form);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 12 }),
        fc.integer({ min: 0, max: whole.length }),
        async (changes, cut) => {
          const bytes = Uint8Array.from(whole.subarray(0, changes.length === 0 ? cut : whole.length));
          for (const [at, value] of changes) bytes[at] = value;
          await checkTrace(files.write('damaged.data', bytes)).catch(error =>
            expect(error).toBeInstanceOf(TraceError),
          );
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('a perf.data that cannot be read', () => {
  const header = (...words: number[]): Uint8Array => {
    const bytes = new Uint8Array(104);
    bytes.set(Buffer.from('PERFILE2'));
    for (const [i, word] of words.entries())
      new DataView(bytes.buffer).setBigUint64(8 + i * 8, BigInt(word), true);
    return bytes;
  };

  it.each([
    ['of which perf was killed', header(104, 152, 104, 152, 256, 0), /is unfinished: perf was killed/],
    [
      'of another header',
      header(64),
      /is a perf\.data with a header of 64 bytes; 16 or 104 are known \(at byte 8\)/,
    ],
    [
      'that claims more events than it has',
      header(104, 152, 16, 2 ** 50, 16, 8),
      /claims \d+ events of 152 bytes each/,
    ],
    ['that ends in its header', header(104).subarray(0, 12), /the file header ends after 12 bytes/],
  ])('%s is refused', async (_, bytes, message) => {
    await expect(checkTrace(files.write('bad.data', bytes))).rejects.toThrow(message);
  });

  it('that has no tracepoints is refused', async () => {
    const bytes = Uint8Array.from(readFileSync(`${REAL}plain.data`));
    bytes[72] = (bytes[72] ?? 0) & ~2;
    await expect(checkTrace(files.write('none.data', bytes))).rejects.toThrow('holds no tracepoints');
  });
});

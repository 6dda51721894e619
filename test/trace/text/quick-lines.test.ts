import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../../src/trace/events/record-batch.ts';
import { openInput } from '../../../src/trace/file/input.ts';
import { LearntSymbols } from '../../../src/trace/names/learnt-symbols.ts';
import { BatchWriter } from '../../../src/trace/text/batch-writer.ts';
import { EventKinds } from '../../../src/trace/text/event-kinds.ts';
import { LineForms } from '../../../src/trace/text/line-forms.ts';
import { LineSplitter } from '../../../src/trace/text/line-splitter.ts';
import { QuickLines } from '../../../src/trace/text/quick-lines.ts';
import { TextPositions } from '../../../src/trace/text/text-positions.ts';
import { TextReader } from '../../../src/trace/text/text-reader.ts';
import { TEXT_STYLES, textOf } from '../../helpers/trace-text.ts';
import { fixture } from '../../helpers/traces.ts';

const TEXTS = fileURLToPath(new URL('../../fixtures/texts/', import.meta.url));
const texts = readdirSync(TEXTS);

async function contentOf(name: string): Promise<Buffer> {
  const input = await openInput(`${TEXTS}${name}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of input.chunks()) chunks.push(chunk);
  input.close();
  return Buffer.concat(chunks);
}

/** Counts the lines that it is asked to read. */
class CountingReader extends TextReader {
  asked = 0;

  override line(bytes: Uint8Array, start: number, end: number, offset: number): void {
    this.asked++;
    super.line(bytes, start, end, offset);
  }
}

/** All that is told of a text: its records byte by byte, and what is counted and learnt on the way. */
function read(text: Uint8Array, isQuick: boolean, chunkSize = 1 << 16) {
  const symbols = new LearntSymbols();
  const kinds = new EventKinds(symbols);
  const positions = new TextPositions('some.txt');
  const commandNames = new Map<number, string>();
  const forms = new LineForms();
  const records: unknown[] = [];
  const take = (batch: RecordBatch): void => {
    const { buffer } = batch.view;
    const copy = (at = 0, size = 0): string => Buffer.from(buffer, at, size).toString('hex');
    for (let i = 0; i < batch.count; i++) {
      const stackSize = batch.stackSizes[i];
      records.push([
        batch.timesNs[i],
        batch.cpus[i],
        batch.positions[i],
        copy(batch.payloads[i], batch.payloadSizes[i]),
        stackSize === 0 ? '' : copy(batch.stacks[i], stackSize),
      ]);
    }
  };
  const pass = (listener: (batch: RecordBatch) => void): CountingReader => {
    const batch = new BatchWriter(listener);
    const reader = new CountingReader(kinds, symbols, positions, commandNames, batch);
    const quick = new QuickLines(reader, batch, symbols, positions, forms);
    const splitter = new LineSplitter((...lines) =>
      isQuick ? quick.read(...lines) : reader.lines(...lines),
    );
    for (let at = 0; at < text.length; at += chunkSize) {
      splitter.push(text.subarray(at, at + chunkSize));
      batch.deliver();
    }
    splitter.finish();
    batch.finish();
    return reader;
  };
  pass(() => undefined);
  const reader = pass(take);
  const { tally, timeStyles, strange, firstStrange, firstStrangeOffset, cutStacks, overwritten } = reader;
  const { isPerf, isTraceCmd, showsContext, asked } = reader;
  const told = {
    records,
    tally,
    timeStyles,
    strange,
    firstStrange,
    firstStrangeOffset,
    cutStacks,
    overwritten,
    isPerf,
    isTraceCmd,
    showsContext,
    commandNames,
    symbols,
    formats: kinds.all.map(({ format }) => format),
  };
  return { told, asked };
}

function expectSame(text: Uint8Array, chunkSize?: number): { asked: number; lines: number } {
  const quick = read(text, true, chunkSize);
  const general = read(text, false, chunkSize);
  expect(quick.told).toEqual(general.told);
  return { asked: quick.asked, lines: general.told.tally.lines };
}

/** Forms that are read by the general way alone: times without a unit, and the option verbose. */
const SLOW = ['tracefs-counter.txt', 'tracefs-latency.txt'];

describe('lines of a form that is known', () => {
  it.each(texts)('of %s give the records that the general way gives', async name => {
    const text = await contentOf(name);
    expectSame(text);
    expectSame(text, 777);
    const { asked, lines } = expectSame(Buffer.concat([text, text, text, text]));
    // Where less than half of the lines were read by their form, this test shows nothing.
    if (!SLOW.includes(name)) expect(asked).toBeLessThan(lines / 2);
  });

  it.each(TEXT_STYLES)('in the style of $name are nearly all lines of a long text', async style => {
    const text = Buffer.from(await textOf(fixture('sanitizer-kernel/sg_ok.dat'), style));
    const { asked, lines } = expectSame(Buffer.concat(Array(10).fill(text)));
    expect(asked).toBeLessThan(lines / 4);
  });
});

describe('lines that nearly have a form that is known', () => {
  /** Bytes that mean something somewhere, and some that mean nothing. */
  const piece = fc.constantFrom(
    ...[
      '',
      ' ',
      '  ',
      '\t',
      ',',
      '=',
      '(',
      ')',
      '[',
      ']',
      '<',
      '>',
      '"',
      '-',
      '+',
      ':',
      '.',
      '/',
      '|',
      '\r',
      '\0',
    ],
    ...['0x', '0', '7', 'f', 'F', 'g', '0123456789abcdef0', '4294967296', '99999999999999999999', '\u00e9'],
    ...[
      ' <- ',
      ': ',
      '=>',
      ' => ',
      '(nil)',
      '[0x0-0xfff]',
      'ARRAY[',
      '{0x1,0x2}',
      ' a=1',
      ' b=2 ',
      '"a b"',
      '# ',
    ],
    ...['kernel_stack: <stack trace >', '<stack trace>', 'CPU:0 [LOST 3 EVENTS]', 'map: ', 'dd', 'TO_DEVICE'],
  );
  /** Replaces some bytes of a line by others: where, as a part of its length, how many, and by what. */
  const change = fc.record({
    where: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.nat(3),
    by: piece,
  });
  const lineOf = (lines: readonly string[]) =>
    fc
      .record({
        line: fc.nat(lines.length - 1).map(i => lines[i] ?? ''),
        changes: fc.array(change, { maxLength: 2 }),
        isOften: fc.boolean(),
      })
      .map(({ line, changes, isOften }) => {
        const changed = changes.reduce((text, { where, bytes, by }) => {
          const at = Math.floor(where * text.length);
          return text.slice(0, at) + by + text.slice(at + bytes);
        }, line);
        // Its form is learnt first, and then its neighbour is read, twice.
        return isOften ? [line, changed, changed] : [changed];
      });

  it.each(texts)('are read as the general way reads them: %s', async name => {
    const whole = (await contentOf(name)).toString('latin1').split('\n');
    const lines = whole.filter((_, i) => whole.length < 2000 || i % 97 < 8);
    fc.assert(
      fc.property(
        fc.array(lineOf(lines), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 60, max: 5000 }),
        (some, chunk) => {
          // Behind the last line nothing is read by its form: what follows must be long enough.
          const text = Buffer.from(`${some.flat().join('\n')}\n${'#'.repeat(100)}\n`, 'latin1');
          expectSame(text, chunk);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('are those of all numbers, of any length', () => {
    const digits = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 70n }).map(value => value.toString(16)),
      fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(value => value.toString(10)),
      fc.nat(100).map(value => value.toString(16).padStart(value % 20, '0')),
      fc.stringMatching(/^-?[0-9a-fA-FxX]{0,20}$/),
    );
    const header = '          insmod-81      [001] .....     9.870781: ';
    fc.assert(
      fc.property(
        fc.array(fc.tuple(digits, digits, digits, digits), { minLength: 1, maxLength: 20 }),
        all => {
          const text = all
            .flatMap(([a, b, c, d]) => [
              `map: (iommu_map+0x0/0x240) domain=0x${a} iova=${b} paddr=0x${c} n=-${d} prot=${d}`,
              `map: (${a} <- ${b}) ret=${c}`,
              `mm_page_alloc: page=${a} pfn=0x${b} order=${c} migratetype=${d}`,
              `mm_page_alloc: page=${a} pfn=${b} order=${c} migratetype=${d}`,
              `map: IOMMU: iova=0x${a} - 0x${b} paddr=0x${c} size=${d}`,
              `dma_unmap_phys: ${a} dir=${b} dma_addr=${c} size=${d} attrs=${a}`,
            ])
            .map(body => `${header}${body}\n`)
            .join('');
          expectSame(Buffer.from(`${text}${text}${'#'.repeat(100)}\n`));
        },
      ),
      { numRuns: 40 },
    );
  });
});

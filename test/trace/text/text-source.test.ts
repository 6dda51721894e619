import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTrace, traceStats } from '../../../src/index.ts';
import { openSource } from '../../../src/trace/open-source.ts';
import type { TextSource } from '../../../src/trace/text/text-source.ts';
import { temporaryFiles } from '../../helpers/play.ts';
import { newRecorder } from '../../helpers/recorder.ts';

const files = temporaryFiles();
const TEXTS = fileURLToPath(new URL('../../fixtures/texts/', import.meta.url));
const texts = readdirSync(TEXTS);

/** Plays a text of these lines. */
async function play(...lines: string[]) {
  const source = await openSource(files.write('some.txt', Buffer.from(`${lines.join('\n')}\n`, 'latin1')));
  const { sink, calls, moments } = newRecorder();
  const result = await source.run(sink);
  source.close();
  return { source, calls, moments, result };
}

/** A line of tracefs, of insmod unless another task is named. */
function line(cpu: number, timeUs: number, event: string, task = '          insmod-81     '): string {
  const time = `${Math.floor(timeUs / 1e6)}.${String(timeUs % 1e6).padStart(6, '0')}`;
  return `${task} [${String(cpu).padStart(3, '0')}] ..... ${time.padStart(12)}: ${event}`;
}

const MAP =
  'map: (iommu_map_nosync+0x0/0x240) domain=0xff11000000ab5c00 iova=0x1000 paddr=0x2000 size=0x1000 prot=0x6';
const FREE = 'mm_page_free: page=00000000dea5e9fd pfn=0x2 order=0';

describe('the texts in the repository', () => {
  it.each(texts.filter(name => !name.startsWith('linux-6.1')))(
    '%s shows the page that was freed while mapped',
    async name => {
      const report = await checkTrace(`${TEXTS}${name}`);
      expect(report.findings.map(({ rule, page }) => [rule, page?.pfn])).toEqual([
        ['free-while-mapped', '0x733c'],
      ]);
      expect(report.gaps).toEqual([]);
      const [story] = report.findings[0]?.story ?? [];
      expect(story?.location?.line).toBeGreaterThan(1);
      if (!name.includes('-R')) expect(report.findings[0]?.signature).toBe('2120706dddbea218');
    },
  );

  it.each(texts.filter(name => name.startsWith('linux-6.1')))('%s has no finding', async name => {
    const report = await checkTrace(`${TEXTS}${name}`);
    expect([report.findings, report.gaps]).toEqual([[], []]);
    expect(report.accounting.mappingsMade).toBeGreaterThan(200);
  });
});

describe('a text', () => {
  it('tells where each event stands', async () => {
    const { source, moments } = await play('# tracer: nop', '#', line(0, 1, FREE), '', line(0, 2, FREE));
    const places = moments.map(at => source.names.locate(at?.position ?? -1));
    expect(places).toMatchObject([
      { offset: 16, line: 3 },
      { offset: 120, line: 5 },
    ]);
  });

  it('gives a stack to its event, though another CPU was faster', async () => {
    const { source, calls, moments } = await play(
      line(0, 1, FREE),
      line(1, 2, FREE, '            bash-99     '),
      line(0, 3, '<stack trace>'),
      ' => free_pages',
      ' => driver_remove [dmabugs]',
      line(1, 4, FREE, '            bash-99     '),
    );
    expect(calls.map(([method]) => method)).toEqual(['pageFree', 'pageFree', 'pageFree']);
    expect(moments.map(at => source.names.stack(at?.stack ?? 0))).toEqual([
      [{ symbol: 'free_pages' }, { symbol: 'driver_remove', module: 'dmabugs' }],
      [],
      [],
    ]);
  });

  it('does not give the stack of an interrupt to the task', async () => {
    const interrupt = '          insmod-81      [000] d.h..     0.000003: <stack trace>';
    const { moments } = await play(line(0, 1, FREE), interrupt, ' => free_pages');
    expect(moments.map(at => at?.stack)).toEqual([0]);
  });

  it.each([
    ['CPU:0 [LOST 12 EVENTS]', 12],
    ['CPU:0 [LOST EVENTS]', -1],
    ['CPU:0 [12 EVENTS DROPPED]', 12],
    ['CPU:0 [EVENTS DROPPED]', -1],
  ])('tells of "%s"', async (mark, count) => {
    const { calls } = await play(line(0, 1, FREE), mark, line(1, 2, FREE), line(0, 3, FREE));
    expect(calls.filter(([method]) => method === 'eventsLost')).toEqual([
      ['eventsLost', 0, count, 1000, 3000],
    ]);
  });

  it('tells of a loss before what other CPUs did in the gap', async () => {
    const { calls } = await play(
      line(0, 1, FREE),
      line(1, 2, FREE),
      'CPU:0 [LOST 3 EVENTS]',
      line(0, 3, FREE),
    );
    expect(calls.map(([method]) => method)).toEqual(['eventsLost', 'pageFree', 'pageFree', 'pageFree']);
  });

  it('tells of a loss behind which its CPU is silent', async () => {
    const { calls } = await play(
      line(0, 1, FREE),
      'CPU:0 [LOST 3 EVENTS]',
      'CPU:0 [LOST 4 EVENTS]',
      line(1, 2, FREE),
    );
    expect(calls[0]).toEqual(['eventsLost', 0, 7, 1000, Number.POSITIVE_INFINITY]);
  });

  it('tells of what perf script says was lost', async () => {
    const event = (timeUs: number, text: string): string =>
      `   sh    81 [000]     0.${String(timeUs).padStart(6, '0')}: ${text}`;
    const { calls } = await play(
      event(1, `kmem:${FREE}`),
      event(2, 'PERF_RECORD_LOST lost 9'),
      event(3, `kmem:${FREE}`),
    );
    expect(calls[0]).toEqual(['eventsLost', 0, 9, 1000, 3000]);
  });

  it('of perf script without stacks has the events of a task whose name looks like an address', async () => {
    const event = (task: string, timeUs: number): string =>
      `${task.padStart(16)}   81 [000]     0.${String(timeUs).padStart(6, '0')}: kmem:${FREE}`;
    const tasks = ['dd', 'sh', 'dd', 'cafe', 'dd', 'dd'];
    const { calls, source } = await play(...tasks.map((task, i) => event(task, i + 1)));
    expect(calls).toHaveLength(tasks.length);
    expect(source.gaps).toEqual([]);
  });

  it('knows the drivers that a recording of iommusan has found', async () => {
    const { calls, source } = await play(
      line(0, 1, 'tracing_mark_write: iommusan: bound 0000:00:04.0 dmabugs'),
      line(0, 2, 'print: tracing_mark_write: iommusan: bound 0000:00:05.0 e1000e'),
    );
    expect(calls.map(([method]) => method)).toEqual(['driverFound', 'driverFound']);
    expect([1, 2].map(id => source.names.driver(id))).toEqual(['dmabugs', 'e1000e']);
  });

  it('tells how many lines it did not understand, and which was the first', async () => {
    const { source, result } = await play(line(0, 1, FREE), 'what is this', line(0, 2, FREE), 'and this?');
    expect(result.events).toBe(2);
    expect(source.gaps).toEqual([
      { offset: 103, message: 'line 2 and 1 more line could not be understood and were skipped' },
    ]);
  });

  it('says how many events had been overwritten', async () => {
    const { source } = await play(
      '# tracer: nop',
      '# entries-in-buffer/entries-written: 1/3001   #P:2',
      line(0, 1, FREE),
    );
    expect(source.notes.join('\n')).toContain('3000 events had been overwritten');
  });

  it('knows a failed map by the return of its probe', async () => {
    const returned = 'map_ret: (iommu_map+0x1f/0x70 <- iommu_map_nosync)';
    const { calls, moments } = await play(
      line(0, 1, MAP),
      line(0, 2, `${returned} ret=0`),
      line(0, 3, MAP),
      line(0, 4, `${returned} ret=-12`),
      line(0, 5, MAP),
      line(0, 6, `${returned} ret=0`),
    );
    expect(calls[1]).toEqual(['iommuMap', 1, 0x1000, 0x2000, 0x1000, 6]);
    // The first is believed at its entry: nothing has shown yet that returns are recorded.
    expect(moments.map(at => at?.timeNs)).toEqual([1000, 6000]);
  });

  it('passes over allocations that failed', async () => {
    const { calls } = await play(
      line(0, 1, 'mm_page_alloc: page=(nil) pfn=0x0 order=9 migratetype=0 gfp_flags=GFP_KERNEL'),
    );
    expect(calls).toEqual([]);
  });

  it('is counted by its events in stats', async () => {
    const stats = await traceStats(
      files.write('stats.txt', Buffer.from(`${line(0, 1, MAP)}\n${line(0, 2, FREE)}\n`)),
    );
    expect(stats.events.map(({ system, name, count }) => [system, name, count])).toEqual([
      ['probes', 'map', 1],
      ['kmem', 'mm_page_free', 1],
    ]);
  });

  it('may have the line ends of another system', async () => {
    const { calls } = await play(`${line(0, 1, FREE)}\r`, `${line(0, 2, FREE)}\r`);
    expect(calls).toEqual([
      ['pageFree', 2, 0],
      ['pageFree', 2, 0],
    ]);
  });

  it('of an option of tracefs that leaves out what is needed is refused', async () => {
    await expect(play('# tracer: nop', '#', '9199 1 5184450006786 type: 4')).rejects.toThrow(
      /some\.txt: has no event in a form that is understood: line 3 and 0 more are something else\..* \(at byte 16\)$/,
    );
  });

  it('of the option fields is read by its fields', async () => {
    const { calls } = await play(
      line(0, 1, 'mm_page_free: pfn=0x2 (2) order=0x0 (0)'),
      line(
        0,
        2,
        'dma_unmap_phys: device=0000:00:04.0 addr=0xfffe000 (268427264) size=0x1000 (4096) dir=2 attrs=0x0 (0)',
      ),
    );
    expect(calls).toEqual([
      ['pageFree', 2, 0],
      ['dmaUnmap', 'single', 1, 0xfffe000, 4096, 2, 0],
    ]);
  });

  it('that is no trace is refused', async () => {
    await expect(play('Dear all,', 'please find the trace attached.')).rejects.toThrow(
      'is no trace: it begins with the text "Dear all,"',
    );
  });
});

describe('hostile text', () => {
  const words = fc.constantFrom(
    ...[
      MAP,
      FREE,
      '<stack trace>',
      ' => a',
      'kernel_stack: size=1 caller=ARRAY[1',
      'dma_map_sg: a dir=X dma_addrs={0x1,',
      'x: a=1 a=2 b="',
    ],
    ...[
      'CPU:',
      'CPU:0 [LOST',
      '[000]',
      '-1',
      '(',
      ')',
      ' <- ',
      '{',
      '=',
      '"',
      ':',
      '\0',
      '0x',
      'ARRAY[',
      '1.000001:',
      '\t',
      '=>',
      '# entries-in-buffer/entries-written: 9/',
    ],
  );
  const anyLine = fc.oneof(
    fc
      .tuple(fc.nat(3), fc.nat(1000), fc.array(words, { maxLength: 4 }))
      .map(([cpu, time, parts]) => line(cpu, time, parts.join(' '))),
    fc.array(words, { maxLength: 6 }).map(parts => parts.join('')),
    fc.string({ maxLength: 60 }),
  );

  it('is read to its end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyLine, { maxLength: 30 }), async lines => {
        const { result } = await play('# tracer: nop', line(0, 0, FREE), ...lines);
        expect(result.events).toBeLessThanOrEqual(1 + lines.length * 60);
      }),
      { numRuns: 200 },
    );
  });

  it('of one endless line takes no more memory than a line may have', async () => {
    const path = files.write(
      'endless.txt',
      Buffer.concat([Buffer.from(`${line(0, 1, FREE)}\n`), Buffer.alloc(8 << 20, 'x')]),
    );
    const report = await checkTrace(path);
    expect(report.trace.events).toBe(1);
    expect(report.gaps[0]?.message).toContain('could not be understood');
  });
});

describe('an event whose later lines have more fields', () => {
  it('is one kind, and each record is read by the format that it was written in', async () => {
    const path = files.write(
      'wider.txt',
      Buffer.from(
        [
          line(0, 1, 'x: a="some text"'),
          line(1, 2, 'x: a="more" b=7', '            bash-99     '),
          line(0, 3, 'x: a="text again" b=8'),
          '',
        ].join('\n'),
      ),
    );
    const source = (await openSource(path)) as TextSource;
    const read: unknown[] = [];
    const result = await source.walk(
      id => {
        const format = source.format(id);
        return event =>
          read.push([
            format?.fields.some(({ name }) => name === 'b')
              ? event.words[(event.payload + 16) >> 2]
              : undefined,
            event.payloadSize,
          ]);
      },
      { eventsLost: () => undefined },
    );
    source.close();
    // The beginning is read for its fields before the first record is written.
    expect(read).toEqual([
      [0, 36],
      [7, 32],
      [8, 36],
    ]);
    const [[id, count] = [0, 0]] = result.counts;
    expect([result.counts.size, count, source.format(id)?.name]).toEqual([1, 3, 'x']);
  });

  it('beyond the beginning of the text too', async () => {
    const lines: string[] = [];
    for (let i = 0; i < 20_000; i++) lines.push(line(i % 2, i, `x: a="some text ${i}"`));
    for (let i = 0; i < 10; i++) lines.push(line(i % 2, 20_000 + i, `x: a="text" b=${i}`));
    const source = (await openSource(
      files.write('late.txt', Buffer.from(`${lines.join('\n')}\n`)),
    )) as TextSource;
    const ofB: (number | undefined)[] = [];
    const result = await source.walk(
      id => {
        const b = source.format(id)?.fields.find(({ name }) => name === 'b');
        return event => ofB.push(b && event.words[(event.payload + b.offset) >> 2]);
      },
      { eventsLost: () => undefined },
    );
    source.close();
    expect(ofB).toEqual([...Array(20_000).fill(undefined), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...result.counts.values()]).toEqual([20_010]);
  });
});

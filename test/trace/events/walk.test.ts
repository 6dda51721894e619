import { describe, expect, it } from 'vitest';
import { executionContext } from '../../../src/kernel/moment.ts';
import { TraceSource } from '../../../src/trace/trace-source.ts';
import { IOMMU_MAP, KERNEL_STACK, PAGE_ALLOC, PAGE_FREE } from '../../helpers/kernel-events.ts';
import { temporaryFiles } from '../../helpers/play.ts';
import { type Happening, recordingOf } from '../../helpers/recording.ts';
import { writeTraceFile } from '../../helpers/trace-file.ts';

const files = temporaryFiles();
let written = 0;

async function open(events: readonly Happening[]): Promise<TraceSource> {
  const { bytes } = writeTraceFile(recordingOf(events), { version: 7 });
  return TraceSource.open(files.write(`${written++}.dat`, bytes));
}

/** What a walk says, in order: `free 7 @100` for an event, `lost 3 on 0 (10, 20)` for a loss. */
async function walk(events: readonly Happening[]): Promise<string[]> {
  const source = await open(events);
  const said: string[] = [];
  source.walk(
    id => {
      const format = source.format(id);
      return event => {
        const pfn = event.view.getUint32(event.payload + 8, event.littleEndian);
        said.push(`${format?.name.replace('mm_page_', '')} ${pfn} @${event.timeNs}`);
      };
    },
    { eventsLost: (cpu, count, since, until) => said.push(`lost ${count} on ${cpu} (${since}, ${until})`) },
  );
  source.close();
  return said;
}

const free = (timeNs: number, cpu: number, pfn: number, more: Partial<Happening> = {}): Happening => ({
  timeNs,
  cpu,
  type: PAGE_FREE,
  values: { pfn },
  ...more,
});

describe('a walk over all CPUs', () => {
  it('goes by time, and at the same time by CPU', async () => {
    expect(
      await walk([free(10, 1, 1), free(20, 0, 2), free(20, 1, 3), free(30, 2, 4), free(31, 0, 5)]),
    ).toEqual(['free 1 @10', 'free 2 @20', 'free 3 @20', 'free 4 @30', 'free 5 @31']);
  });

  it('tells who made an event, and where it stands in the file', async () => {
    const source = await open([free(10, 3, 1, { pid: 4711, flags: 0x11 })]);
    const seen: unknown[] = [];
    source.walk(
      () => event => {
        const { cpu, pid, context, littleEndian } = event;
        seen.push({ cpu, pid, context, littleEndian }, source.names.locate(event.position));
      },
      { eventsLost: () => expect.unreachable() },
    );
    const offset = source.trace.buffers[0]?.cpus[0]?.offset ?? 0;
    expect(seen).toEqual([
      { cpu: 3, pid: 4711, context: executionContext(4711, 3, 0x11), littleEndian: true },
      // Behind the header of the sub-buffer and that of the event.
      { file: source.trace.file.name, offset: offset + 16 + 4 },
    ]);
    source.close();
  });

  it('asks for a handler once for each kind of event, and counts those that have none', async () => {
    const source = await open([
      free(10, 0, 1),
      { timeNs: 20, cpu: 1, type: PAGE_ALLOC, values: { pfn: 1 } },
      free(30, 1, 2),
      free(40, 0, 3),
    ]);
    const asked: number[] = [];
    let handled = 0;
    const result = source.walk(
      id => {
        asked.push(id);
        return id === PAGE_FREE.id
          ? () => {
              handled++;
            }
          : undefined;
      },
      { eventsLost: () => expect.unreachable() },
    );
    source.close();
    expect(asked).toEqual([PAGE_FREE.id, PAGE_ALLOC.id]);
    expect(handled).toBe(3);
    expect(result).toMatchObject({ events: 4, firstNs: 10, lastNs: 40 });
    expect([...result.counts].sort(([a], [b]) => a - b)).toEqual([
      [PAGE_ALLOC.id, 1],
      [PAGE_FREE.id, 3],
    ]);
    expect(result.perCpu.map(({ cpu, events, firstNs, lastNs }) => [cpu, events, firstNs, lastNs])).toEqual([
      [0, 2, 10, 40],
      [1, 2, 20, 30],
    ]);
  });

  it('says now and then how far it is', async () => {
    const many = Array.from({ length: 70_000 }, (_, i) => free(i, i % 2, i));
    const source = await open(many);
    const told: [done: number, total: number][] = [];
    source.walk(
      () => undefined,
      { eventsLost: () => expect.unreachable() },
      (done, total) => told.push([done, total]),
    );
    source.close();
    expect(told).toHaveLength(1);
    const [done, total] = told[0] ?? [0, 0];
    expect(total).toBe(source.trace.buffers[0]?.cpus.reduce((sum, { size }) => sum + size, 0));
    expect(done).toBeGreaterThan(total / 2);
    expect(done).toBeLessThanOrEqual(total);
  });
});

describe('a loss of events', () => {
  it('is told before all other events that fall into its window', async () => {
    expect(
      await walk([
        free(10, 0, 1),
        free(20, 1, 2),
        free(30, 1, 3),
        free(40, 0, 4, { missed: 7 }),
        free(50, 1, 5),
      ]),
    ).toEqual(['free 1 @10', 'lost 7 on 0 (10, 40)', 'free 2 @20', 'free 3 @30', 'free 4 @40', 'free 5 @50']);
  });

  it('at the beginning of a CPU has no beginning', async () => {
    expect(await walk([free(5, 1, 1), free(10, 0, 2, { missed: 20_956 }), free(11, 1, 3)])).toEqual([
      'lost 20956 on 0 (-Infinity, 10)',
      'free 1 @5',
      'free 2 @10',
      'free 3 @11',
    ]);
  });

  it('may have no count', async () => {
    expect(await walk([free(5, 0, 1), free(10, 0, 2, { missed: 'uncounted' })])).toEqual([
      'free 1 @5',
      'lost -1 on 0 (5, 10)',
      'free 2 @10',
    ]);
  });

  it('on several CPUs is told for each of them', async () => {
    expect(
      await walk([
        free(5, 0, 1),
        free(6, 1, 2),
        free(20, 0, 3, { missed: 2 }),
        free(30, 1, 4, { missed: 3 }),
      ]),
    ).toEqual([
      'free 1 @5',
      'lost 2 on 0 (5, 20)',
      'free 2 @6',
      'lost 3 on 1 (6, 30)',
      'free 3 @20',
      'free 4 @30',
    ]);
  });
});

describe('the kernel stack of an event', () => {
  const stack = (timeNs: number, cpu: number, frames: number, more: Partial<Happening> = {}): Happening => ({
    timeNs,
    cpu,
    type: KERNEL_STACK,
    values: { size: frames, caller: Array.from({ length: 8 }, (_, i) => (i < frames ? 0x100 + i : 0)) },
    ...more,
  });

  /** Number of stack frames of each event that is no stack. */
  const framesOf = async (events: readonly Happening[]): Promise<number[]> => {
    const source = await open(events);
    const frames: number[] = [];
    source.walk(id => (id === KERNEL_STACK.id ? undefined : event => frames.push(event.stackBytes / 8)), {
      eventsLost: () => undefined,
    });
    source.close();
    return frames;
  };

  it('is the record behind it', async () => {
    const map: Happening = { timeNs: 10, type: IOMMU_MAP, values: { iova: 1 } };
    expect(await framesOf([map, stack(11, 0, 3), free(12, 0, 1), free(13, 0, 2), stack(14, 0, 8)])).toEqual([
      3, 0, 8,
    ]);
  });

  it('is found behind it on its own CPU, whatever others do meanwhile', async () => {
    expect(await framesOf([free(10, 0, 1), free(10, 1, 2), stack(11, 1, 5), stack(12, 0, 4)])).toEqual([
      4, 5,
    ]);
  });

  it('is found in the next sub-buffer', async () => {
    const filler = Array.from({ length: 255 }, (_, i) => free(i, 0, i));
    const events = [...filler, free(300, 0, 1), stack(301, 0, 6)];
    expect((await framesOf(events)).at(-1)).toBe(6);
  });

  it('is not that of the task which an interrupt came into', async () => {
    const irq = { flags: 0x08 };
    expect(await framesOf([free(10, 0, 1, irq), stack(11, 0, 3)])).toEqual([0]);
    expect(
      await framesOf([free(10, 0, 1), free(11, 0, 2, irq), stack(12, 0, 3, irq), stack(13, 0, 4)]),
    ).toEqual([0, 3]);
  });

  it('is not that of another task', async () => {
    expect(await framesOf([free(10, 0, 1, { pid: 1 }), stack(11, 0, 3, { pid: 2 })])).toEqual([0]);
  });

  it('is not one that stands behind a loss', async () => {
    expect(await framesOf([free(10, 0, 1), stack(11, 0, 3, { missed: 1 })])).toEqual([0]);
  });

  it('has no more frames than were recorded, whatever it claims', async () => {
    const claims: Happening = {
      timeNs: 11,
      type: KERNEL_STACK,
      values: { size: 1_000_000, caller: [1, 2, 3, 4, 5, 6, 7, 8] },
    };
    expect(await framesOf([free(10, 0, 1), claims])).toEqual([8]);
  });
});

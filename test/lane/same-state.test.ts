import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_CHECKS } from '../../src/checks/all-checks.ts';
import { Judge } from '../../src/checks/judge.ts';
import { newMoment } from '../../src/kernel/moment.ts';
import type { SourceNames } from '../../src/kernel/source.ts';
import { runInLane } from '../../src/lane/index.ts';
import { Machine } from '../../src/machine/machine.ts';
import type { Shadow } from '../../src/shadow/shadow.ts';
import { TraceSource } from '../../src/trace/trace-source.ts';
import { KernelRecorder } from '../../src/trace/write/kernel-recorder.ts';
import { temporaryFiles } from '../helpers/play.ts';

const files = temporaryFiles();
const PAGE = 4096;
const GIB_PAGES = 2 ** 18;
const DOMAIN = 1;
/** Stacks that map. */
const KINDS = 3;
/** Where IOVA space and memory begin for the regions, each of which has some GiBs of both. */
const REGION_GIBS = 4;

/** A region of IOVA space that is mapped in pieces and unmapped in chunks, as VFIO does. */
interface Region {
  readonly pages: number;
  readonly piece: number;
  readonly chunk: number;
  /** Page of its GiBs that it begins at, and the same of its first frame. */
  readonly offset: number;
  readonly frameOffset: number;
  /** How far apart the frames of two pieces are, in pieces. */
  readonly stride: number;
  /** Has the frames of the region before it as well: they are mapped twice. */
  readonly shared: boolean;
  /** Chunks that stay mapped until the regions behind it are mapped. */
  readonly late: number;
}

const region: fc.Arbitrary<Region> = fc.record({
  pages: fc.constantFrom(1, 7, 200, 512, 700, 2048, 3000, GIB_PAGES, GIB_PAGES + 512),
  piece: fc.constantFrom(1, 3, 16, 512, 1024, GIB_PAGES),
  chunk: fc.constantFrom(1, 100, 129, 512, 1000, GIB_PAGES),
  offset: fc.constantFrom(0, 0, 1, 512, 700, GIB_PAGES - 600),
  frameOffset: fc.constantFrom(0, 0, 3, 512, 100_000),
  stride: fc.constantFrom(1, 1, 2, 37),
  shared: fc.boolean(),
  late: fc.nat(3),
});

/** Of an event of each kind, and where tables grow. */
const MOST_OTHERS = 700;

/** Small pieces of large regions take long: so many at most. */
const MOST_PIECES = 4096;

async function record(path: string, regions: readonly Region[], kinds = KINDS): Promise<void> {
  const machine = new Machine({ iommu: 'vtd', logLimit: 0 });
  const names: SourceNames = {
    device: id => machine.names.device(id),
    driver: id => machine.names.driver(id),
    domain: id => machine.names.domain(id),
    pool: id => machine.names.pool(id),
    task: pid => machine.names.task(pid),
    stack: id => [{ symbol: `mapper_${id}`, offset: 4, size: 64 }],
    locate: position => machine.names.locate(position),
  };
  const recorder = await KernelRecorder.create(path, names, { pageSize: PAGE });
  const { events } = recorder;
  const at = { ...newMoment(), pid: 7, context: 7 };
  const late: [number, number][] = [];
  const unmap = (page: number, pages: number): void => {
    at.timeNs += 1000;
    at.stack = Math.min(1, kinds);
    events.iommuUnmapBegin(at, DOMAIN, page * PAGE, pages * PAGE);
    at.timeNs += 100;
    events.iommuUnmapEnd(at, DOMAIN, page * PAGE, pages * PAGE, pages * PAGE);
  };
  for (const [i, each] of regions.entries()) {
    const first = (1 + i * REGION_GIBS) * GIB_PAGES + each.offset;
    const memory = (1 + (i - (each.shared && i > 0 ? 1 : 0)) * REGION_GIBS) * GIB_PAGES + each.frameOffset;
    const piece = Math.max(each.piece, Math.ceil(each.pages / MOST_PIECES));
    for (let done = 0; done < each.pages; done += piece) {
      at.timeNs += 1000;
      at.stack = kinds === 0 ? 0 : 1 + (Math.floor(done / piece / 5) % kinds);
      const pages = Math.min(piece, each.pages - done);
      events.iommuMap(
        at,
        DOMAIN,
        (first + done) * PAGE,
        (memory + done * each.stride) * PAGE,
        pages * PAGE,
        3,
      );
    }
    const chunk = Math.max(each.chunk, Math.ceil(each.pages / MOST_PIECES));
    for (let done = 0, chunks = 0; done < each.pages; done += chunk, chunks++) {
      const part: [number, number] = [first + done, Math.min(chunk, each.pages - done)];
      if (chunks % 4 < each.late) late.push(part);
      else unmap(...part);
    }
  }
  for (const part of late.slice(0, late.length >> 1)) unmap(...part);
  recorder.finish(machine.capabilities);
}

/** Writes that blocks come and go, on two CPUs. */
async function recordBlocks(
  path: string,
  blocks: readonly { readonly pfn: number; readonly order: number; readonly free: boolean }[],
): Promise<void> {
  const machine = new Machine({ iommu: 'vtd', logLimit: 0 });
  const recorder = await KernelRecorder.create(path, machine.names, { pageSize: PAGE });
  const { events } = recorder;
  for (const [i, { pfn, order, free }] of blocks.entries()) {
    const cpu = i % 2;
    const at = { ...newMoment(), timeNs: 1000 + 100 * i, cpu, pid: 7 + cpu, context: 7 + cpu };
    if (i === blocks.length >> 1) events.iommuMap(at, DOMAIN, GIB_PAGES * PAGE, 1024 * PAGE, 600 * PAGE, 3);
    if (free) events.pageFree(at, pfn, order);
    else events.pageAlloc(at, pfn, order);
  }
  recorder.finish(machine.capabilities);
}

async function play(path: string, isCompiled: boolean): Promise<{ shadow: Shadow; others: number }> {
  const source = await TraceSource.open(path);
  const { names, capabilities } = source;
  const judge = new Judge({
    names,
    capabilities,
    pageSize: PAGE,
    accounting: 'exact',
    checks: DEFAULT_CHECKS,
  });
  let others = 0;
  if (isCompiled) {
    const { events, ordinary } = await runInLane(source, judge, judge.events);
    others = events - ordinary;
  } else source.run(judge.events);
  source.close();
  return { shadow: judge.shadow, others };
}

/** All that the shadow has of mappings, in words that do not tell how it keeps them. */
function stateOf({ mappings, tables, accounting, former, kinds }: Shadow) {
  const live: unknown[] = [];
  mappings.forEach(id => {
    const page = mappings.iovaPage[id] as number;
    const pages = mappings.pages[id] as number;
    const frame = mappings.frame[id] as number;
    const ends = [0, 1, pages >> 1, pages - 1];
    live.push([
      id,
      ...[page, pages, frame, mappings.left[id], mappings.madeAt(id)],
      ...ends.map(end => [tables.get(DOMAIN, page + end), accounting.mappingsOf(frame + end)]),
    ]);
  });
  const remembered = [];
  for (let i = Math.max(0, former.noted - former.capacity); i < former.noted; i++)
    remembered.push(former.get(i));
  return {
    live,
    counted: accounting.mappedPages(0, 2 ** 36),
    numbers: [mappings.live, mappings.liveBytes, mappings.made, mappings.end, former.noted],
    free: [...mappings.free.words.subarray(0, 1 + (mappings.free.words[0] as number))],
    kinds: [0, 1, 2, 3].map(kind => [
      ...[kinds.made[kind], kinds.ended[kind], kinds.low[kind]],
      ...[kinds.longestNs[kind], kinds.overtakenNs[kind], kinds.history(kind)],
    ]),
    remembered,
  };
}

/** Returns how many events the lane has not told by itself. */
async function expectSame(path: string): Promise<number> {
  const [compiled, long] = [await play(path, true), await play(path, false)];
  expect(stateOf(compiled.shadow)).toEqual(stateOf(long.shadow));
  return compiled.others;
}

describe('compiled code believes what the long way believes', () => {
  it('of regions that are mapped and unmapped in pieces of all sizes', { timeout: 60_000 }, async () => {
    const path = files.path('regions.dat');
    await fc.assert(
      fc.asyncProperty(fc.array(region, { minLength: 1, maxLength: 4 }), async regions => {
        await record(path, regions);
        await expectSame(path);
      }),
      { numRuns: 40 },
    );
  });

  it('of blocks of pages of all orders, also such as no kernel has', { timeout: 60_000 }, async () => {
    const path = files.path('blocks.dat');
    const block = fc.record({
      pfn: fc.oneof(fc.nat(5000), fc.constantFrom(GIB_PAGES - 1, GIB_PAGES, 2 ** 36, 2 ** 40)),
      order: fc.oneof(fc.nat(4), fc.constantFrom(9, 10, 18, 20, 21)),
      free: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(block, { minLength: 1, maxLength: 300 }), async blocks => {
        await recordBlocks(path, blocks);
        const [compiled, long] = [await play(path, true), await play(path, false)];
        const pages = blocks.flatMap(({ pfn, order }) => [
          pfn,
          pfn + 1,
          pfn + 2 ** order - 1,
          pfn + 2 ** order,
        ]);
        const stories = ({ shadow }: { shadow: Shadow }) =>
          pages.map(pfn => [
            ...[shadow.pages.state(pfn), shadow.pages.lastAlloc(pfn), shadow.pages.lastFree(pfn)],
            ...[shadow.pagesAllocated, shadow.pagesFreed],
          ]);
        expect(stories(compiled)).toEqual(stories(long));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['1 GiB', GIB_PAGES],
    ['2 MiB', 512],
    ['256 KiB', 64],
  ])(
    'of GiBs in pieces of %s that are unmapped at once, and tells them by itself',
    {
      timeout: 60_000,
    },
    async (_, piece) => {
      const path = files.path('gibs.dat');
      const whole: Region = {
        ...{ pages: GIB_PAGES, piece, chunk: GIB_PAGES, offset: 0, frameOffset: 0 },
        ...{ stride: 1, shared: false, late: 0 },
      };
      const regions = Array<Region>(20).fill(whole);
      await record(path, regions, 0);
      const others = await expectSame(path);
      expect(others).toBeLessThan(MOST_OTHERS);
    },
  );
});

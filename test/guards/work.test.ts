import { statSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { checkTrace } from '../../src/check-trace.ts';
import { newMoment } from '../../src/kernel/moment.ts';
import { IovaRuns } from '../../src/shadow/iova-runs.ts';
import { IovaTable } from '../../src/shadow/iova-table.ts';
import { PageHistory } from '../../src/shadow/page-history.ts';
import { PageRefs } from '../../src/shadow/page-refs.ts';
import { Shadow } from '../../src/shadow/shadow.ts';
import { ChunkReader } from '../../src/trace/dat/chunk-reader.ts';
import { Sections } from '../../src/trace/dat/section-reader.ts';
import { SECTION } from '../../src/trace/dat/sections.ts';
import { InputFile } from '../../src/trace/file/input-file.ts';

// Work is counted here, not time: these tests say the same on every machine.

const PAGE = 4096;
const GIB = 2 ** 30;
const GIB_PAGES = GIB / PAGE;
const RECORDING = 'examples/ok.dat';

const silent = (): void => undefined;

function newShadow(): { readonly shadow: Shadow; readonly cuts: () => number } {
  let cuts = 0;
  const shadow = new Shadow({
    pageSize: PAGE,
    accounting: 'exact',
    changes: { mapOver: silent, watchedCut: silent, mappingCut: () => cuts++, countFault: silent },
  });
  return { shadow, cuts: () => cuts };
}

describe('an unmap of 1 GiB', () => {
  const at = newMoment();

  it.each([
    ['1 GiB', GIB_PAGES, 1],
    ['2 MiB', 512, 512],
    ['4 KiB', 1, GIB_PAGES],
  ])('that was mapped in pieces of %s costs one step for each', (_, pieceInPages, pieces) => {
    const { shadow, cuts } = newShadow();
    const piece = pieceInPages * PAGE;
    for (let offset = 0; offset < GIB; offset += piece) {
      shadow.iommuMap(at, 1, GIB + offset, 4 * GIB + offset, piece, 0);
    }
    expect(shadow.mappings.live).toBe(pieces);
    shadow.iommuUnmapEnd(at, 1, GIB, GIB, GIB);
    expect(cuts()).toBe(pieces);
    expect(shadow.mappings.live).toBe(0);
    expect(shadow.tables.nodesInUse).toBe(0);
    // Adjacent pages of other mappings do not fold into one slot: that is all that pieces of 4 KiB cost in the tables.
    expect(shadow.tables.arenaBytes).toBeLessThanOrEqual(pieces === GIB_PAGES ? 4 << 20 : 64 << 10);
  });

  it('touches no node of the counts and of the tables where it was one map', () => {
    const refs = new PageRefs();
    const tables = new IovaTable();
    const runs = new IovaRuns();
    refs.add(GIB_PAGES, GIB_PAGES);
    tables.map(1, GIB_PAGES, GIB_PAGES, 7);
    expect([refs.nodesInUse, tables.nodesInUse]).toEqual([0, 0]);
    expect(refs.remove(GIB_PAGES, GIB_PAGES)).toBe(0);
    tables.clear(1, GIB_PAGES, GIB_PAGES, runs);
    expect(runs.count).toBe(1);
    expect([refs.nodesInUse, tables.nodesInUse]).toEqual([0, 0]);
  });
});

describe('memory does not grow with the number of events', () => {
  const at = newMoment();

  it('of the shadow', () => {
    const { shadow } = newShadow();
    const round = (): void => {
      for (let i = 0; i < 1024; i++) {
        shadow.pageAlloc(at, i, 0);
        shadow.iommuMap(at, 1, GIB + i * PAGE, i * PAGE, PAGE, 0);
        shadow.dmaMap(at, 'single', 1, GIB + i * PAGE, PAGE, i * PAGE, 0, 0);
      }
      for (let i = 0; i < 1024; i++) {
        shadow.iommuUnmapEnd(at, 1, GIB + i * PAGE, PAGE, PAGE);
        shadow.dmaUnmap(at, 'single', 1, GIB + i * PAGE, PAGE, 0, 0);
        shadow.pageFree(at, i, 0);
      }
    };
    const sizes = (): number[] => [
      shadow.tables.arenaBytes,
      shadow.mappings.domain.length,
      shadow.dma.device.length,
    ];
    round();
    const afterOne = sizes();
    for (let i = 0; i < 50; i++) round();
    expect(sizes()).toEqual(afterOne);
  });

  it('of the history of pages', () => {
    const history = new PageHistory();
    const round = (): void => {
      for (let pfn = 0; pfn < 4096; pfn++) history.pageAlloc(at, pfn, 0);
      for (let pfn = 0; pfn < 4096; pfn++) history.pageFree(at, pfn, 0);
    };
    round();
    const afterOne = history.bytes;
    for (let i = 0; i < 20; i++) round();
    expect(history.bytes).toBe(afterOne);
  });

  it('of the chunks that are read: two buffers for each CPU take turns', async () => {
    const buffers = new Map<ChunkReader, Set<ArrayBufferLike>>();
    const next = ChunkReader.prototype.next;
    const spy = vi.spyOn(ChunkReader.prototype, 'next').mockImplementation(function (this: ChunkReader) {
      const more = next.call(this);
      if (more) buffers.set(this, (buffers.get(this) ?? new Set()).add(this.bytes.buffer));
      return more;
    });
    await checkTrace(RECORDING);
    spy.mockRestore();
    expect(buffers.size).toBeGreaterThan(0);
    for (const used of buffers.values()) expect(used.size).toBeLessThanOrEqual(2);
  });
});

describe('a file', () => {
  it('is read once: no byte of it more often than a window asks for', async () => {
    let bytes = 0;
    const readUpTo = InputFile.prototype.readUpTo;
    const spy = vi.spyOn(InputFile.prototype, 'readUpTo').mockImplementation(function (
      this: InputFile,
      ...words
    ) {
      const read = readUpTo.apply(this, words);
      bytes += read.length;
      return read;
    });
    await checkTrace(RECORDING);
    spy.mockRestore();
    // The windows of the CPUs overlap what stands behind their data.
    expect(bytes).toBeLessThan(2 * statSync(RECORDING).size + (1 << 20));
  });

  it('is read without its symbols but for those of its probes, where nothing is found', async () => {
    // The whole text of the symbols is asked for when a stack is named, or a symbol has passed by already.
    const whole = vi.spyOn(Sections.prototype, 'read');
    const kinds = (): number[] => whole.mock.calls.map(([, id]) => id);
    const clean = await checkTrace(RECORDING);
    expect([clean.trace.capabilities.hasDomains, kinds().includes(SECTION.kallsyms)]).toEqual([true, false]);
    await checkTrace('examples/uaf.dat');
    expect(kinds().includes(SECTION.kallsyms)).toBe(true);
    whole.mockRestore();
  });

  it('tells of a finding when it is made, not at its end', async () => {
    const told: string[] = [];
    let progressAtFirst = Number.NaN;
    let doneBytes = 0;
    const report = await checkTrace('examples/uaf.dat', {
      onProgress: done => {
        doneBytes = done;
      },
      onFinding: ({ rule, title }) => {
        if (told.length === 0) progressAtFirst = doneBytes;
        told.push(`${rule}: ${title}`);
      },
    });
    expect(told).toEqual(report.findings.map(({ rule, title }) => `${rule}: ${title}`));
    expect(progressAtFirst).toBe(0);
  });
});

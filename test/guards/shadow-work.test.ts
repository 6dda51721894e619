import { afterEach, describe, expect, it, vi } from 'vitest';
import { newMoment } from '../../src/kernel/moment.ts';
import { FormerMappings, REMEMBERED } from '../../src/shadow/former-mappings.ts';
import { MappingKinds } from '../../src/shadow/mapping-kinds.ts';
import { Mappings } from '../../src/shadow/mappings.ts';
import { PageHistory } from '../../src/shadow/page-history.ts';
import { PageRefs } from '../../src/shadow/page-refs.ts';
import { Shadow } from '../../src/shadow/shadow.ts';

// Work is counted here, not time: these tests say the same on every machine.

const PAGE = 4096;
const GIB = 2 ** 30;
const GIB_PAGES = GIB / PAGE;

/** A shadow as a check with the usual rules has it: nobody wants to hear of each cut. */
function newShadow() {
  const told = vi.fn();
  const shadow = new Shadow({
    pageSize: PAGE,
    accounting: 'exact',
    changes: { mapOver: told, watchedCut: told, mappingCut: told, countFault: told },
  });
  shadow.tellsEveryCut = false;
  return { shadow, told };
}

afterEach(() => vi.restoreAllMocks());

describe('an unmap of 1 GiB that nobody listens to', () => {
  /** Maps a GiB in pieces, unmaps it at once, and counts the calls that this costs. */
  function unmapCalls(pieceInPages: number, frameOf: (piece: number) => number) {
    const { shadow, told } = newShadow();
    const at = newMoment();
    const pieces = GIB_PAGES / pieceInPages;
    for (let i = 0; i < pieces; i++) {
      const iova = GIB + i * pieceInPages * PAGE;
      shadow.iommuMap(at, 1, iova, frameOf(i) * PAGE, pieceInPages * PAGE, 0);
    }
    const remove = vi.spyOn(PageRefs.prototype, 'remove');
    const note = vi.spyOn(FormerMappings.prototype, 'note');
    const noteRuns = vi.spyOn(FormerMappings.prototype, 'noteRuns');
    const endMany = vi.spyOn(MappingKinds.prototype, 'endMany');
    const release = vi.spyOn(Mappings.prototype, 'release');
    shadow.iommuUnmapEnd(at, 1, GIB, GIB, GIB);
    expect(told).not.toHaveBeenCalled();
    expect(shadow.mappings.live).toBe(0);
    expect(shadow.accounting.anyMapped(0, 2 ** 40)).toBe(false);
    const calls = {
      remove: remove.mock.calls.length,
      perMapping: note.mock.calls.length + release.mock.calls.length,
      perNode: noteRuns.mock.calls.length + endMany.mock.calls.length,
    };
    vi.restoreAllMocks();
    return calls;
  }

  it('ends mappings of pages that adjoin node by node', () => {
    const calls = unmapCalls(1, i => 4 * GIB_PAGES + i);
    expect(calls.perMapping).toBe(0);
    expect(calls.perNode).toBeLessThanOrEqual(4 * 512);
    expect(calls.remove).toBe(512);
  });

  it('ends mappings of 2 MiB at once, and uncounts them one by one where they are anywhere', () => {
    expect(unmapCalls(512, i => 4 * GIB_PAGES + i * 512)).toEqual({ remove: 1, perMapping: 0, perNode: 2 });
    const scattered = unmapCalls(512, i => 4 * GIB_PAGES + ((i * 7) % 512) * 1024);
    expect(scattered).toEqual({ remove: 512, perMapping: 0, perNode: 2 });
  });

  it('writes down no more former mappings than are remembered', () => {
    const { shadow } = newShadow();
    const at = newMoment();
    for (let i = 0; i < GIB_PAGES; i++) shadow.iommuMap(at, 1, GIB + i * PAGE, GIB + i * PAGE, PAGE, 0);
    let written = 0;
    const { noteRuns } = FormerMappings.prototype;
    vi.spyOn(FormerMappings.prototype, 'noteRuns').mockImplementation(function (
      this: FormerMappings,
      ...words
    ) {
      written += words[1].count;
      noteRuns.apply(this, words);
    });
    shadow.iommuUnmapEnd(at, 1, GIB, GIB, GIB);
    expect(written).toBe(REMEMBERED);
    expect(shadow.former.noted).toBe(GIB_PAGES);
  });
});

describe('pages that are far from each other', () => {
  it('have no node of counts for themselves, and no other memory than a line and two records', () => {
    const refs = new PageRefs();
    const history = new PageHistory();
    const at = newMoment();
    const pages = 60_000;
    for (let i = 0; i < pages; i++) {
      const pfn = i * 512 + (i % 512);
      refs.add(pfn, 1);
      history.pageAlloc(at, pfn, 0);
      history.pageFree(at, pfn, 0);
    }
    // A node for each GiB.
    expect(refs.nodesInUse).toBe(Math.ceil(pages / 512));
    // 64 bytes of words and twice 36 of records, in tables that double.
    expect(history.bytes / pages).toBeLessThanOrEqual(2 * (64 + 2 * 36));
    const before = history.bytes;
    for (let i = 0; i < pages; i++) history.pageAlloc(at, i * 512 + (i % 512), 0);
    expect(history.bytes).toBe(before);
  });
});

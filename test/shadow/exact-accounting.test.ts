import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KernelScript } from '../helpers/kernel-script.ts';

/** IOVA pages and frames that the model looks at; what is mapped beyond by a long call is still counted. */
const IOVA_PAGES = 40;
const FRAMES = 48;
const DOMAINS = ['A', 'B', 'C'] as const;

/** The page tables, page by page: what a reader would write who has all day. */
class Model {
  readonly tables = new Map<string, { frame: number; mapping: number }>();
  private mappings = 0;

  map(domain: string, iova: number, frame: number, pages: number): void {
    const mapping = this.mappings++;
    for (let i = 0; i < pages; i++) this.tables.set(`${domain} ${iova + i}`, { frame: frame + i, mapping });
  }

  unmap(domain: string, iova: number, pages: number): void {
    for (let i = 0; i < pages; i++) this.tables.delete(`${domain} ${iova + i}`);
  }

  domainFree(domain: string): void {
    for (const key of [...this.tables.keys()]) if (key.startsWith(`${domain} `)) this.tables.delete(key);
  }

  /** How many translations lead to each frame. */
  counts(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const { frame } of this.tables.values()) counts.set(frame, (counts.get(frame) ?? 0) + 1);
    return counts;
  }

  get live(): number {
    return new Set([...this.tables.values()].map(({ mapping }) => mapping)).size;
  }
}

const domain = fc.constantFrom(...DOMAINS);
const iova = fc.nat(31);
const pages = fc.integer({ min: 1, max: 8 });

const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ what: fc.constant('map' as const), domain, iova, pages, frame: fc.nat(39) }),
  },
  {
    weight: 4,
    // Removed: what was asked, less (a hole, a refused split), or more (a part of a large leaf).
    arbitrary: fc.record({
      what: fc.constant('unmap' as const),
      domain,
      iova,
      pages,
      removed: fc.option(fc.nat(8), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('domainFree' as const), domain }) },
);

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function apply(k: KernelScript, model: Model, it: Operation): void {
  switch (it.what) {
    case 'map':
      k.map(it.domain, it.iova * 4096, it.frame * 4096, it.pages * 4096);
      model.map(it.domain, it.iova, it.frame, it.pages);
      break;
    case 'unmap': {
      const removed = it.removed ?? it.pages;
      k.unmap(it.domain, it.iova * 4096, it.pages * 4096, removed * 4096);
      model.unmap(it.domain, it.iova, removed);
      break;
    }
    case 'domainFree':
      k.domainFree(it.domain);
      model.domainFree(it.domain);
      break;
  }
}

/** Everything that can be asked, as plain values. */
function beliefOf(k: KernelScript, pageSize: number) {
  const { accounting, mappings } = k.shadow;
  const perPage = pageSize / 4096;
  const blocks = Array.from({ length: FRAMES / perPage }, (_, pfn) =>
    [1, 2, 4].map(n => [pfn, n] as const),
  ).flat();
  return {
    translations: DOMAINS.map(name =>
      Array.from({ length: IOVA_PAGES }, (_, page) => k.shadow.translate(k.domain(name), page)),
    ),
    mapped: blocks.map(([pfn, n]) => accounting.mappedPages(pfn, n)),
    any: blocks.map(([pfn, n]) => accounting.anyMapped(pfn, n)),
    first: blocks.map(([pfn, n]) => accounting.firstMapped(pfn, n)),
    live: mappings.live,
    liveBytes: mappings.liveBytes,
  };
}

function truthOf(model: Model, pageSize: number): ReturnType<typeof beliefOf> {
  const perPage = pageSize / 4096;
  const counts = model.counts();
  const isMapped = (pfn: number): boolean =>
    Array.from({ length: perPage }, (_, i) => counts.get(pfn * perPage + i) ?? 0).some(count => count > 0);
  const blocks = Array.from({ length: FRAMES / perPage }, (_, pfn) =>
    [1, 2, 4].map(n => [pfn, n] as const),
  ).flat();
  const mappedIn = ([pfn, n]: readonly [number, number]): number[] =>
    Array.from({ length: n }, (_, i) => pfn + i).filter(isMapped);
  return {
    translations: DOMAINS.map(name =>
      Array.from({ length: IOVA_PAGES }, (_, page) => model.tables.get(`${name} ${page}`)?.frame ?? -1),
    ),
    mapped: blocks.map(block => mappedIn(block).length),
    any: blocks.map(block => mappedIn(block).length > 0),
    first: blocks.map(block => mappedIn(block)[0] ?? -1),
    live: model.live,
    liveBytes: model.tables.size * 4096,
  };
}

describe.each([4096, 16384])('exact accounting with pages of %i bytes', pageSize => {
  it('believes after any calls what a page table written page by page holds', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 25 }), operations => {
        const k = new KernelScript({ pageSize, checks: [] });
        const model = new Model();
        for (const it of operations) {
          apply(k, model, it);
          expect(beliefOf(k, pageSize)).toEqual(truthOf(model, pageSize));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('counts each mapping of a page', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), operations => {
        const k = new KernelScript({ pageSize, checks: [] });
        const model = new Model();
        for (const it of operations) apply(k, model, it);
        const counts = model.counts();
        for (let pfn = 0; pfn < FRAMES; pfn++) {
          // Where pages are larger than those of the IOMMU, it says that it cannot tell.
          expect(k.shadow.accounting.mappingsOf(pfn)).toBe(pageSize === 4096 ? (counts.get(pfn) ?? 0) : -1);
        }
      }),
    );
  });

  it('holds nothing any more when everything was unmapped', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), operations => {
        const k = new KernelScript({ pageSize, checks: [] });
        for (const it of operations) apply(k, new Model(), it);
        for (const name of DOMAINS) k.unmap(name, 0, 64 * 4096);
        expect(k.shadow.mappings).toMatchObject({ live: 0, liveBytes: 0 });
        expect(k.shadow.accounting.mappedPages(0, 64)).toBe(0);
        expect(k.shadow.tables.nodesInUse).toBe(0);
      }),
    );
  });

  it('does not imitate the kernel: it has no warnings to count', () => {
    const k = new KernelScript({ pageSize, checks: [] }).map('A', 0x1000, 0x5000, 0x1000).free(1).free(5);
    expect(k.shadow.accounting.kernelWarnings).toBeUndefined();
  });
});

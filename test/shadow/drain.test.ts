import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newMoment } from '../../src/kernel/moment.ts';
import { REMEMBERED } from '../../src/shadow/former-mappings.ts';
import { Shadow } from '../../src/shadow/shadow.ts';

const PAGE = 4096;
/** Pages of IOVA space and of memory that random programs use: three blocks of 2 MiB. */
const PAGES = 3 * 512;
const DOMAINS = [1, 2];

/** A shadow that ends mappings in bulk, or one after the other because somebody listens. */
function newShadow(isBulk: boolean, faults: unknown[] = []): Shadow {
  const silent = (): void => undefined;
  const shadow = new Shadow({
    pageSize: PAGE,
    accounting: 'exact',
    changes: {
      mapOver: silent,
      watchedCut: silent,
      mappingCut: silent,
      countFault: (at, pfn, what) => faults.push([at.timeNs, pfn, what]),
    },
  });
  shadow.tellsEveryCut = !isBulk;
  return shadow;
}

/** All that two shadows must agree on. */
function beliefOf(shadow: Shadow, pages = PAGES) {
  const { mappings, tables, former, kinds, accounting } = shadow;
  const records: unknown[] = [];
  mappings.forEach(id => {
    const { domain, iovaPage, frame, pages, left, device, generation, prot } = mappings;
    const row = [domain, iovaPage, frame, pages, left, device, generation, prot].map(column => column[id]);
    records.push([id, ...row, mappings.madeAt(id)]);
  });
  const all = Array.from({ length: pages }, (_, page) => page);
  return {
    records,
    counts: [mappings.made, mappings.live, mappings.liveBytes, former.noted, tables.nodesInUse],
    tables: DOMAINS.map(domain => all.map(page => tables.get(domain, page))),
    formers: all.map(page => former.latest(page, () => true)),
    refs: all.map(page => accounting.mappingsOf(page)),
    kinds: [0, 1, 2].map(kind => [
      kinds.made[kind],
      kinds.ended[kind],
      kinds.longestNs[kind],
      kinds.overtakenNs[kind],
      kinds.history(kind),
    ]),
    next: mappings.free.words.slice(0, 1 + (mappings.free.words[0] as number)),
  };
}

type Step = { readonly what: 'map' | 'unmap' | 'free' } & Readonly<
  Record<'domain' | 'iova' | 'frame' | 'pages' | 'stack' | 'offset', number>
>;

const steps = fc.array(
  fc.record({
    what: fc.constantFrom<('map' | 'unmap' | 'free')[]>('map', 'map', 'map', 'unmap', 'unmap', 'free'),
    domain: fc.constantFrom(...DOMAINS),
    iova: fc.nat(PAGES - 1),
    frame: fc.nat(PAGES - 1),
    pages: fc.oneof(fc.integer({ min: 1, max: 16 }), fc.constantFrom(1, 64, 512, 1024), fc.nat(PAGES)),
    stack: fc.nat(2),
    // Of the physical address in its page: an IOMMU cannot map such, but a damaged trace may say so.
    offset: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 2048),
  }),
  { maxLength: 60 },
);

function play(shadow: Shadow, list: readonly Step[]): void {
  const at = newMoment();
  shadow.domainAttach(at, 1, 7);
  for (const [i, { what, domain, iova, frame, pages, stack, offset }] of list.entries()) {
    Object.assign(at, { timeNs: i, position: i * 3, cpu: i % 4, pid: i + 1, context: i + 1, stack });
    const size = Math.min(pages, PAGES - iova) * PAGE;
    const phys = frame * PAGE + offset;
    if (what === 'map') shadow.iommuMap(at, domain, iova * PAGE, phys, size, i);
    else if (what === 'unmap') shadow.iommuUnmapEnd(at, domain, iova * PAGE, size, size);
    else shadow.domainFree(at, domain);
  }
}

describe('mappings that are ended in bulk', () => {
  it('leave what those leave that are ended one after the other, whatever was mapped', () => {
    fc.assert(
      fc.property(steps, list => {
        const faults: unknown[][] = [[], []];
        const [bulk, single] = [newShadow(true, faults[0]), newShadow(false, faults[1])];
        play(bulk, list);
        play(single, list);
        expect(beliefOf(bulk)).toEqual(beliefOf(single));
        expect(faults[0]).toEqual(faults[1]);
      }),
      { numRuns: 120 },
    );
  });

  it.each([
    ['fewer', REMEMBERED - 1],
    ['as many', REMEMBERED],
    ['more', REMEMBERED + 1],
    ['far more', 3 * REMEMBERED + 77],
  ])('are remembered up to the last ones: %s than the ring holds', (_, pieces) => {
    const formers = [true, false].map(isBulk => {
      const shadow = newShadow(isBulk);
      const at = newMoment();
      shadow.iommuMap(at, 1, 0, 0, PAGE, 0);
      shadow.iommuUnmapEnd(at, 1, 0, PAGE, PAGE);
      for (let page = 0; page < pieces; page++) {
        at.timeNs++;
        // Not in order in memory, and now and then two pages.
        const pages = page % 5 === 0 ? 2 : 1;
        shadow.iommuMap(at, 1, 3 * page * PAGE, ((page * 7919) % pieces) * 2 * PAGE, pages * PAGE, 0);
      }
      shadow.iommuUnmapEnd(at, 1, 0, 3 * pieces * PAGE, 3 * pieces * PAGE);
      expect(shadow.mappings.live).toBe(0);
      expect(shadow.accounting.anyMapped(0, 4 * pieces)).toBe(false);
      const probes = Array.from({ length: 200 }, (__, i) => 3 * Math.floor((i * pieces) / 200));
      return [shadow.former.noted, probes.map(page => shadow.former.latest(page, () => true))];
    });
    expect(formers[0]).toEqual(formers[1]);
    expect(formers[0]?.[0]).toBe(pieces + 1);
  });

  it('are ended one by one where one of them is watched, and it is told', () => {
    const told: number[] = [];
    const shadow = new Shadow({
      pageSize: PAGE,
      accounting: 'exact',
      changes: {
        mapOver: () => undefined,
        watchedCut: (_at, id) => told.push(id),
        mappingCut: () => undefined,
        countFault: () => undefined,
      },
    });
    shadow.tellsEveryCut = false;
    const at = newMoment();
    for (let page = 0; page < 600; page++) shadow.iommuMap(at, 1, page * PAGE, page * PAGE, PAGE, 0);
    const id = shadow.tables.get(1, 300);
    shadow.mappings.watch(id);
    shadow.iommuUnmapEnd(at, 1, 0, 600 * PAGE, 600 * PAGE);
    expect(told).toEqual([id]);
    expect(shadow.mappings).toMatchObject({ live: 0, watchedLive: 0 });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IovaRuns } from '../../src/shadow/iova-runs.ts';
import { IovaTable, MAX_RANGE_PAGES } from '../../src/shadow/iova-table.ts';

const MIB2 = 512;
const GIB = 262144;

type Run = [page: number, pages: number, id: number];

function rows(runs: IovaRuns): Run[] {
  return Array.from({ length: runs.count }, (_, i) => [
    runs.page[i] as number,
    runs.pages[i] as number,
    runs.id[i] as number,
  ]);
}

function collected(table: IovaTable, domain: number, page: number, pages: number): Run[] {
  const out = new IovaRuns();
  table.collect(domain, page, pages, out);
  return rows(out);
}

function cleared(table: IovaTable, domain: number, page: number, pages: number): Run[] {
  const out = new IovaRuns();
  table.clear(domain, page, pages, out);
  return rows(out);
}

describe('runs', () => {
  it('join when they touch and belong to the same mapping', () => {
    const runs = new IovaRuns();
    runs.push(10, 5, 1);
    runs.push(15, 5, 1);
    runs.push(20, 1, 2);
    runs.push(22, 1, 2);
    expect(rows(runs)).toEqual([
      [10, 10, 1],
      [20, 1, 2],
      [22, 1, 2],
    ]);
    runs.reset();
    runs.push(23, 1, 2);
    expect(rows(runs)).toEqual([[23, 1, 2]]);
  });

  it('grow, and keep what they have', () => {
    const runs = new IovaRuns();
    for (let i = 0; i < 1000; i++) runs.push(2 * i, 1, i + 1);
    expect(runs.count).toBe(1000);
    expect(rows(runs)[999]).toEqual([1998, 1, 1000]);
    expect(rows(runs)[0]).toEqual([0, 1, 1]);
  });
});

describe('mapping and clearing', () => {
  it('tells which mapping a page belongs to, per domain', () => {
    const table = new IovaTable();
    table.map(1, 100, 16, 7);
    table.map(2, 100, 1, 8);
    expect([99, 100, 115, 116].map(page => table.get(1, page))).toEqual([0, 7, 7, 0]);
    expect([100, 101].map(page => table.get(2, page))).toEqual([8, 0]);
    expect(table.get(3, 100)).toBe(0);
  });

  it('answers a clear with what was there, one run for each mapping', () => {
    const table = new IovaTable();
    table.map(1, 100, 10, 7);
    table.map(1, 110, 10, 8);
    table.map(1, 130, 1, 8);
    expect(cleared(table, 1, 95, 30)).toEqual([
      [100, 10, 7],
      [110, 10, 8],
    ]);
    expect(collected(table, 1, 0, GIB)).toEqual([[130, 1, 8]]);
  });

  it('leaves both ends of a mapping that is cut in the middle', () => {
    const table = new IovaTable();
    table.map(1, 0, GIB, 7);
    expect(cleared(table, 1, 1000, 3)).toEqual([[1000, 3, 7]]);
    expect(collected(table, 1, 0, 2 * GIB)).toEqual([
      [0, 1000, 7],
      [1003, GIB - 1003, 7],
    ]);
    expect(table.nodesInUse).toBe(2);
  });

  it('joins a run over the borders of 2 MiB and GiB', () => {
    const table = new IovaTable();
    table.map(1, GIB - 513, 2 * GIB + 1024, 7);
    expect(collected(table, 1, 0, 4 * GIB)).toEqual([[GIB - 513, 2 * GIB + 1024, 7]]);
    expect(collected(table, 1, GIB - 1, 2)).toEqual([[GIB - 1, 2, 7]]);
  });

  it('appends, so that several ranges can be asked for in one answer', () => {
    const table = new IovaTable();
    const out = new IovaRuns();
    table.map(1, 10, 1, 7);
    table.map(1, 20, 1, 7);
    table.collect(1, 20, 1, out);
    table.collect(1, 10, 1, out);
    expect(rows(out)).toEqual([
      [20, 1, 7],
      [10, 1, 7],
    ]);
  });

  it('refuses what it cannot hold', () => {
    const table = new IovaTable();
    expect(() => table.map(1, 0, 1, 0)).toThrow(RangeError);
    expect(() => table.map(1, 0, 1, 2 ** 31)).toThrow(RangeError);
    expect(() => table.map(1, 0, MAX_RANGE_PAGES + 1, 1)).toThrow(RangeError);
    table.map(1, 0, GIB, 1);
    expect(() => table.map(1, 5, 1, 2)).toThrow('clear a range before');
    expect(() => table.map(1, 0, GIB, 2)).toThrow('clear a range before');
  });
});

describe('domains', () => {
  it('are listed while they hold anything', () => {
    const table = new IovaTable();
    expect(table.isEmpty(5)).toBe(true);
    table.map(5, 0, 1, 1);
    table.map(6, 0, 1, 2);
    expect([...table.domains()]).toEqual([5, 6]);
    cleared(table, 5, 0, 1);
    expect(table.isEmpty(5)).toBe(true);
    expect([...table.domains()]).toEqual([6]);
  });

  it('give back everything in ascending order when they are dropped', () => {
    const table = new IovaTable();
    const out = new IovaRuns();
    for (const page of [2 ** 50, 7 * GIB, 3, 2 ** 36 - 1]) table.map(5, page, 1, 1);
    table.map(6, 3, 1, 2);
    table.dropDomain(5, out);
    expect(rows(out).map(([page]) => page)).toEqual([3, 7 * GIB, 2 ** 36 - 1, 2 ** 50]);
    expect(table.isEmpty(5)).toBe(true);
    expect(table.get(5, 3)).toBe(0);
    expect(table.get(6, 3)).toBe(2);
    table.map(5, 3, 1, 9);
    expect(table.get(5, 3)).toBe(9);
  });

  it('may be scattered over more GiBs than any answer had before', () => {
    const table = new IovaTable();
    const out = new IovaRuns();
    for (let i = 0; i < 500; i++) table.map(5, ((i * 7) % 500) * 100 * GIB, 1, i + 1);
    table.dropDomain(5, out);
    expect(rows(out).map(([page]) => page)).toEqual(Array.from({ length: 500 }, (_, i) => i * 100 * GIB));
    expect(table.nodesInUse).toBe(0);
  });

  it('share the nodes, which come back when a domain goes', () => {
    const table = new IovaTable();
    const out = new IovaRuns();
    const cycle = () => {
      for (let domain = 0; domain < 100; domain++) table.map(domain, 0xfffff - domain, 1, domain + 1);
      for (let domain = 0; domain < 100; domain++) table.dropDomain(domain, out);
    };
    cycle();
    const bytes = table.arenaBytes;
    for (let i = 0; i < 20; i++) cycle();
    expect(table.arenaBytes).toBe(bytes);
    expect(table.nodesInUse).toBe(0);
    expect([...table.domains()]).toEqual([]);
  });
});

describe('work and memory', () => {
  it('needs no node for whole GiBs and one for whole 2 MiB', () => {
    const table = new IovaTable();
    table.map(1, 0, 16 * GIB, 1);
    expect(table.nodesInUse).toBe(0);
    table.map(1, 16 * GIB, 5 * MIB2, 2);
    expect(table.nodesInUse).toBe(1);
  });

  it('does not grow however often a GiB is mapped and cleared', () => {
    const table = new IovaTable();
    const out = new IovaRuns();
    const bytes = table.arenaBytes;
    for (let i = 0; i < 2000; i++) {
      out.reset();
      table.map(1, 2 ** 35 + 3, GIB, 1 + i);
      table.clear(1, 2 ** 35, GIB + MIB2, out);
      expect(out.count).toBe(1);
    }
    expect(table.arenaBytes).toBe(bytes);
    expect(table.nodesInUse).toBe(0);
  });

  it('clears an address space by visiting only what exists', () => {
    const table = new IovaTable();
    const out = new IovaRuns();
    for (let i = 0; i < 2000; i++) {
      table.map(1, 2 ** 39 + 5, 1, 1);
      table.clear(1, 6, 2 ** 40, out);
      table.collect(1, 0, 2 ** 52, out);
    }
    expect(rows(out).every(([page, pages]) => page === 2 ** 39 + 5 && pages === 1)).toBe(true);
    expect(out.count).toBe(2000);
    expect(table.isEmpty(1)).toBe(true);
  });
});

/** One entry per page, as the hardware has it. */
class PageModel {
  readonly pages = new Map<number, number>();
  map(page: number, pages: number, id: number): void {
    for (let i = page; i < page + pages; i++) this.pages.set(i, id);
  }
  runs(page: number, pages: number): Run[] {
    const found: Run[] = [];
    for (let i = page; i < page + pages; i++) {
      const id = this.pages.get(i) ?? 0;
      const last = found.at(-1);
      if (id === 0) continue;
      if (last !== undefined && last[2] === id && last[0] + last[1] === i) last[1]++;
      else found.push([i, 1, id]);
    }
    return found;
  }
  clear(page: number, pages: number): Run[] {
    const found = this.runs(page, pages);
    for (let i = page; i < page + pages; i++) this.pages.delete(i);
    return found;
  }
}

/** The same with ranges that begin and end at chosen offsets only, one entry per stretch between two of them. */
const CUTS = [
  ...[0, 1, MIB2 - 1, MIB2, MIB2 + 1, 2 * MIB2, 3 * MIB2 + 7, GIB - MIB2, GIB - 1, GIB, GIB + 1],
  ...[GIB + MIB2, GIB + 9 * MIB2, 2 * GIB - 3, 2 * GIB, 2 * GIB + 300, 3 * GIB, 5 * GIB + 100_000],
];
const STRETCHES = CUTS.length - 1;
const cut = (i: number) => CUTS[i] as number;

class StretchModel {
  readonly ids = new Array<number>(STRETCHES).fill(0);
  runs(base: number, from: number, to: number): Run[] {
    const found: Run[] = [];
    for (let i = from; i < to; i++) {
      const id = this.ids[i] as number;
      const page = base + cut(i);
      const last = found.at(-1);
      if (id === 0) continue;
      if (last !== undefined && last[2] === id && last[0] + last[1] === page) last[1] += cut(i + 1) - cut(i);
      else found.push([page, cut(i + 1) - cut(i), id]);
    }
    return found;
  }
}

describe('the same answers as one entry per page', () => {
  for (const base of [0, 2 ** 36 - GIB, 2 ** 51]) {
    it(`around 2 MiB and GiB borders at page ${base}, in two domains`, () => {
      const low = base + GIB - 2 * MIB2;
      const step = fc.record({
        kind: fc.constantFrom('map', 'map', 'clear', 'collect'),
        domain: fc.constantFrom(1, 2),
        page: fc.integer({ min: low, max: low + 3 * MIB2 }),
        pages: fc.oneof(fc.constantFrom(1, 16, MIB2, MIB2 + 1), fc.integer({ min: 0, max: 2 * MIB2 })),
        // Few ids, so that neighbours often belong to the same mapping.
        id: fc.integer({ min: 1, max: 3 }),
      });
      const property = fc.property(fc.array(step, { maxLength: 25 }), steps => {
        const table = new IovaTable();
        const models = new Map([1, 2].map(domain => [domain, new PageModel()]));
        for (const { kind, domain, page, pages, id } of steps) {
          const model = models.get(domain) as PageModel;
          if (kind === 'collect') {
            expect(collected(table, domain, page, pages)).toEqual(model.runs(page, pages));
            continue;
          }
          expect(cleared(table, domain, page, pages)).toEqual(model.clear(page, pages));
          if (kind === 'clear') continue;
          table.map(domain, page, pages, id);
          model.map(page, pages, id);
        }
        for (const [domain, model] of models) {
          const runs = model.runs(low, 5 * MIB2);
          for (const [page, pages, id] of runs) {
            expect([table.get(domain, page), table.get(domain, page + pages - 1)]).toEqual([id, id]);
          }
          expect(table.isEmpty(domain)).toBe(runs.length === 0);
          expect(cleared(table, domain, 0, 2 ** 52)).toEqual(runs);
        }
        expect(table.nodesInUse).toBe(0);
      });
      fc.assert(property, { numRuns: 80 });
    });
  }

  it('with ranges from one page to several GiB, in many domains', () => {
    const end = fc.integer({ min: 0, max: STRETCHES });
    const step = fc.record({
      kind: fc.constantFrom('map', 'map', 'clear', 'collect', 'drop'),
      domain: fc.integer({ min: 0, max: 9 }),
      a: end,
      b: end,
      id: fc.integer({ min: 1, max: 3 }),
    });
    const base = 2 ** 35 - 2 * GIB;
    const property = fc.property(fc.array(step, { minLength: 1, maxLength: 80 }), steps => {
      const table = new IovaTable();
      const models = Array.from({ length: 10 }, () => new StretchModel());
      for (const { kind, domain, a, b, id } of steps) {
        const model = models[domain] as StretchModel;
        const [from, to] = kind === 'drop' ? [0, STRETCHES] : a < b ? [a, b] : [b, a];
        const page = base + cut(from);
        const pages = cut(to) - cut(from);
        const expected = model.runs(base, from, to);
        if (kind === 'collect') {
          expect(collected(table, domain, page, pages)).toEqual(expected);
        } else if (kind === 'drop') {
          const out = new IovaRuns();
          table.dropDomain(domain, out);
          expect(rows(out)).toEqual(expected);
          model.ids.fill(0);
        } else {
          expect(cleared(table, domain, page, pages)).toEqual(expected);
          if (kind === 'map') table.map(domain, page, pages, id);
          model.ids.fill(kind === 'map' ? id : 0, from, to);
        }
      }
      const holding = models.flatMap((model, domain) => (model.ids.some(id => id > 0) ? [domain] : []));
      expect([...table.domains()].sort()).toEqual(holding);
      models.forEach((model, domain) => {
        model.ids.forEach((id, i) => {
          expect(table.get(domain, base + cut(i))).toBe(id);
          expect(table.get(domain, base + cut(i + 1) - 1)).toBe(id);
        });
        expect(cleared(table, domain, 0, 2 ** 52)).toEqual(model.runs(base, 0, STRETCHES));
      });
      expect(table.nodesInUse).toBe(0);
    });
    fc.assert(property, { numRuns: 200 });
  });
});

describe('isFree', () => {
  it('agrees with collect, over blocks and GiBs, whole and broken', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 700 })), {
          maxLength: 8,
        }),
        fc.integer({ min: 0, max: 2 ** 18 + 20_000 }),
        fc.integer({ min: 1, max: 300_000 }),
        (mapped, page, pages) => {
          const table = new IovaTable();
          const runs = new IovaRuns();
          mapped.forEach(([block, length], i) => {
            const first = block * 8191 + 2 ** 17;
            table.clear(1, first, length, runs);
            table.map(1, first, length, i + 1);
          });
          runs.reset();
          table.collect(1, page, pages, runs);
          expect(table.isFree(1, page, pages)).toBe(runs.count === 0);
        },
      ),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { newMoment } from '../../src/kernel/moment.ts';
import { Shadow } from '../../src/shadow/shadow.ts';

const PAGE = 4096;

/** A shadow with two mappings of two pages each, and what it tells of their end: `all` or `watched`, id, pages, gone. */
function listened(tellsEveryCut: boolean) {
  const told: unknown[][] = [];
  const shadow = new Shadow({
    pageSize: PAGE,
    accounting: 'exact',
    changes: {
      mapOver: () => undefined,
      watchedCut: (_at, id, _iovaPage, pages, gone) => told.push(['watched', id, pages, gone]),
      mappingCut: (_at, id, _iovaPage, pages, gone) => told.push(['all', id, pages, gone]),
      countFault: () => undefined,
    },
  });
  shadow.tellsEveryCut = tellsEveryCut;
  shadow.iommuMap(newMoment(), 1, PAGE, 16 * PAGE, 2 * PAGE, 0);
  shadow.iommuMap(newMoment(), 1, 8 * PAGE, 32 * PAGE, 2 * PAGE, 0);
  const [first, second] = [1, 8].map(page => shadow.tables.get(1, page)) as [number, number];
  return { shadow, told, first, second };
}

describe('a cut of a mapping', () => {
  it('is told where somebody watches it, and only then', () => {
    const { shadow, told, first } = listened(false);
    shadow.mappings.watch(first);
    shadow.iommuUnmapEnd(newMoment(), 1, 0, 2 * PAGE, 2 * PAGE);
    shadow.iommuUnmapEnd(newMoment(), 1, 0, 16 * PAGE, 16 * PAGE);
    expect(told).toEqual([
      ['watched', first, 1, false],
      ['watched', first, 1, true],
    ]);
  });

  it('is told of each where somebody listens to all, behind those who watch it', () => {
    const { shadow, told, first, second } = listened(true);
    shadow.mappings.watch(second);
    shadow.iommuUnmapEnd(newMoment(), 1, 0, 16 * PAGE, 16 * PAGE);
    expect(told).toEqual([
      ['all', first, 2, true],
      ['watched', second, 2, true],
      ['all', second, 2, true],
    ]);
  });

  it('is also noted as a former mapping and in its kind', () => {
    const { shadow } = listened(false);
    shadow.iommuUnmapEnd({ ...newMoment(), timeNs: 5 }, 1, PAGE, PAGE, PAGE);
    shadow.iommuUnmapEnd({ ...newMoment(), timeNs: 9 }, 1, 2 * PAGE, PAGE, PAGE);
    expect(shadow.former.latest(2, () => true)).toMatchObject({ iovaPage: 2, frame: 17, pages: 1 });
    expect(shadow.former.noted).toBe(2);
    expect([shadow.kinds.made[0], shadow.kinds.ended[0], shadow.kinds.longestNs[0]]).toEqual([2, 1, 9]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Suppression, type SuppressionCriteria, Suppressions } from '../../src/findings/suppression.ts';
import { report, smallNote, unbindLeak, useAfterFree } from '../report/samples.ts';

function suppression(criteria: SuppressionCriteria, line = 1): Suppression {
  return { ...criteria, reason: 'known', file: 'iommusan.suppressions', line };
}

describe('a suppression', () => {
  it.each<[SuppressionCriteria, number]>([
    [{ rule: 'free-while-mapped' }, 1],
    [{ rule: 'free-while' }, 0],
    [{ rule: 'free-while-*' }, 1],
    [{ rule: '*' }, 3],
    [{ driver: 'dmabugs' }, 2],
    [{ driver: 'dmabugs', rule: 'unbind-leak' }, 1],
    [{ driver: 'e1000e' }, 0],
    [{ device: '0000:00:04.0' }, 2],
    [{ device: '0000:00:04x0' }, 0],
    [{ device: '0000:*' }, 2],
    [{ function: '__free_frozen_pages' }, 1],
    [{ function: 'dma_map_phys' }, 2],
    [{ function: 'no_such_function' }, 0],
    [{ signature: useAfterFree.signature }, 1],
  ])('%j takes %i of three findings', (criteria, expected) => {
    const suppressions = new Suppressions([suppression(criteria)]);
    const all = [useAfterFree, unbindLeak, smallNote];
    const { findings, suppressed = [] } = suppressions.apply(report(all));
    expect(suppressed).toHaveLength(expected);
    expect(findings).toHaveLength(all.length - expected);
    expect(suppressions.unused()).toHaveLength(expected === 0 ? 1 : 0);
  });

  it('is named with what it took, and its reason', () => {
    const suppressions = new Suppressions([suppression({ rule: 'unbind-leak' }, 7)]);
    expect(suppressions.apply(report([unbindLeak])).suppressed).toEqual([
      { reason: 'known', file: 'iommusan.suppressions', line: 7, finding: unbindLeak },
    ]);
  });

  it('is used when any of several traces needs it', () => {
    const suppressions = new Suppressions([suppression({ rule: 'unbind-leak' }), suppression({ rule: 'x' })]);
    suppressions.apply(report([unbindLeak]));
    suppressions.apply(report([useAfterFree]));
    expect(suppressions.unused().map(({ rule }) => rule)).toEqual(['x']);
  });

  it('matches exactly what it spells, but for the stars', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (device, other) => {
        const finding = { ...useAfterFree, device };
        const takes = (pattern: string): boolean =>
          new Suppressions([suppression({ device: pattern })]).apply(report([finding])).suppressed !==
          undefined;
        expect(takes(device)).toBe(true);
        expect(takes(`${device.slice(0, 3)}*`)).toBe(true);
        if (!other.includes('*')) expect(takes(other)).toBe(other === device);
      }),
    );
  });
});

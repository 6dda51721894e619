import { describe, expect, it } from 'vitest';
import { syncInvalidation, walkInvalidation } from '../../../src/machine/iotlb/driver-flushes.ts';
import { gatherRange, type IotlbGather, newGather } from '../../../src/machine/page-tables/iotlb-gather.ts';

function gathered(iova: number, size: number, tables: number[] = []): IotlbGather {
  const gather = newGather();
  gatherRange(gather, iova, size);
  gather.freelist.push(...tables);
  return gather;
}

describe('what drivers flush', () => {
  it('Intel: an aligned block, leaves only where no table went', () => {
    expect(syncInvalidation('vtd', gathered(0x3000, 0x1000))).toEqual({
      iova: 0x3000,
      size: 0x1000,
      leafOnly: true,
    });
    // Three pages from 3 to 5 lie in no block smaller than the eight from 0.
    expect(syncInvalidation('x86', gathered(0x3000, 0x3000))).toEqual({
      iova: 0,
      size: 0x8000,
      leafOnly: true,
    });
    expect(syncInvalidation('vtd', gathered(0x20_0000, 0x20_0000, [0x1000])).leafOnly).toBe(false);
    expect(syncInvalidation('vtd', gathered(0, 2 ** 31)).size).toBe(Number.POSITIVE_INFINITY);
  });

  it('AMD: an aligned block with the tables above it', () => {
    expect(syncInvalidation('amdv1', gathered(0x7000, 0x2000))).toEqual({
      iova: 0,
      size: 0x1_0000,
      leafOnly: false,
    });
    expect(syncInvalidation('amdv1', gathered(0, 2 ** 31)).size).toBe(2 ** 31);
  });

  it('Arm: the range itself, leaves only; tables are flushed by their own call', () => {
    expect(syncInvalidation('arm-lpae', gathered(0x3000, 0x3000))).toEqual({
      iova: 0x3000,
      size: 0x3000,
      leafOnly: true,
    });
    expect(walkInvalidation('arm-lpae', 0x20_0000, 0x20_0000).leafOnly).toBe(false);
    expect(walkInvalidation('vtd', 0x20_0000, 0x20_0000).leafOnly).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { UNKNOWN } from '../../src/kernel/events.ts';
import { Domains } from '../../src/shadow/domains.ts';

describe('domains', () => {
  it('name their device as long as it is the only one', () => {
    const domains = new Domains();
    expect(domains.soleDevice(1)).toBe(UNKNOWN);
    domains.attached(1, 7);
    domains.attached(1, 7);
    expect(domains.soleDevice(1)).toBe(7);
    domains.attached(1, 8);
    expect(domains.soleDevice(1)).toBe(UNKNOWN);
  });

  it('are not told of devices or domains that the source does not know', () => {
    const domains = new Domains();
    domains.attached(1, UNKNOWN);
    domains.attached(UNKNOWN, 7);
    expect([domains.soleDevice(1), domains.soleDevice(UNKNOWN)]).toEqual([UNKNOWN, UNKNOWN]);
  });

  it('are those of the DMA API unless somebody allocated them for himself', () => {
    const domains = new Domains();
    domains.attached(1, 7);
    domains.allocated(2, 7);
    domains.attached(2, 7);
    expect([domains.isOwn(1), domains.isOwn(2), domains.isOwn(3)]).toEqual([false, true, false]);
    expect(domains.soleDevice(2)).toBe(7);
  });

  it('are allocated without a device by VFIO, and get theirs when it is attached', () => {
    const domains = new Domains();
    domains.allocated(1, UNKNOWN);
    expect(domains.soleDevice(1)).toBe(UNKNOWN);
    domains.attached(1, 7);
    expect(domains.soleDevice(1)).toBe(7);
  });

  it('are forgotten when they are freed, or allocated anew at the same address', () => {
    const domains = new Domains();
    domains.allocated(1, 7);
    domains.freed(1);
    expect([domains.soleDevice(1), domains.isOwn(1)]).toEqual([UNKNOWN, false]);
    domains.attached(2, 7);
    domains.allocated(2, 8);
    expect(domains.soleDevice(2)).toBe(8);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressMap } from '../../src/convert/address-map.ts';

const MIB = 1 << 20;

describe('new numbers for addresses', () => {
  it('keep distances within a range, and keep ranges apart that were apart', () => {
    const range = fc.record({ address: fc.nat(2 ** 40), size: fc.integer({ min: 1, max: 64 * MIB }) });
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 30 }), ranges => {
        const map = new AddressMap();
        for (const { address, size } of ranges) map.note(address, size);
        map.freeze();
        for (const a of ranges) {
          expect(map.of(a.address + a.size - 1) - map.of(a.address)).toBe(a.size - 1);
          expect(map.of(a.address) % (2 * MIB)).toBe(a.address % (2 * MIB));
          for (const b of ranges) {
            const before = [a.address < b.address + b.size, b.address < a.address + a.size];
            const [from, to] = [map.of(a.address), map.of(b.address)];
            expect([from < to + b.size, to < from + a.size]).toEqual(before);
          }
        }
      }),
    );
  });

  it('leave the lowest addresses, which have a meaning of their own', () => {
    const map = new AddressMap();
    map.note(0xfffe_0000, 4096);
    map.freeze();
    expect([0, 0x1000, 2 * MIB - 1].map(address => map.of(address))).toEqual([0, 0x1000, 2 * MIB - 1]);
    expect(map.of(0xfffe_0000)).toBeLessThan(16 * MIB);
  });
});

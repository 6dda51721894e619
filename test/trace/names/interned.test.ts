import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InternedPointers, InternedTexts } from '../../../src/trace/names/interned.ts';
import { InternedBytes } from '../../../src/trace/names/interned-bytes.ts';

describe('texts as small integers', () => {
  it('count from 1, and the empty text is 0', () => {
    const devices = new InternedTexts();
    expect([devices.id('0000:00:04.0'), devices.id('0000:00:03.0'), devices.id('0000:00:04.0')]).toEqual([
      1, 2, 1,
    ]);
    expect(devices.id('')).toBe(0);
    expect(devices.text(2)).toBe('0000:00:03.0');
    expect([devices.text(0), devices.text(3), devices.text(-1)]).toEqual([undefined, undefined, undefined]);
  });

  it('may be taken straight from a record, up to a NUL', () => {
    const devices = new InternedTexts();
    const bytes = new InternedBytes(devices);
    const view = new DataView(new Uint8Array(Buffer.from('xx0000:00:04.0\0zz')).buffer, 1);
    expect(bytes.id(view, 1, 15)).toBe(devices.id('0000:00:04.0'));
    expect(bytes.id(view, 1, 4)).toBe(devices.id('0000'));
    expect(bytes.id(view, 13, 1)).toBe(0);
    expect(bytes.id(view, 1, 0)).toBe(0);
  });

  it('are the same by either way, whatever they are', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', ':', '.'), maxLength: 6 }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(texts, list => {
        const devices = new InternedTexts();
        const bytes = new InternedBytes(devices);
        for (const text of list) {
          const view = new DataView(new Uint8Array(Buffer.from(`${text}\0`)).buffer);
          const id = bytes.id(view, 0, text.length + 1);
          expect(id).toBe(devices.id(text));
          expect(devices.text(id) ?? '').toBe(text);
        }
      }),
    );
  });
});

describe('kernel pointers as small integers', () => {
  it('are told apart by all 64 bits, and NULL is 0', () => {
    const domains = new InternedPointers();
    expect(domains.id(0, 0)).toBe(0);
    const ids = [
      domains.id(0xff11_0000, 0x04b7_8000),
      domains.id(0xff11_0001, 0x04b7_8000),
      domains.id(0, 0x04b7_8000),
    ];
    expect(new Set(ids).size).toBe(3);
    expect(domains.id(0xff11_0000, 0x04b7_8000)).toBe(ids[0]);
    expect(domains.text(ids[0] ?? 0)).toBe('0xff11000004b78000');
    expect(domains.text(ids[2] ?? 0)).toBe('0x4b78000');
    expect(domains.text(0)).toBeUndefined();
  });

  it('keep their ids, in whatever order they come', () => {
    const halves = fc.tuple(fc.constantFrom(0, 1, 0xffff_ffff), fc.constantFrom(0, 1, 0xffff_ffff));
    fc.assert(
      fc.property(fc.array(halves, { maxLength: 60 }), pointers => {
        const domains = new InternedPointers();
        const known = new Map<string, number>([['0,0', 0]]);
        for (const [high, low] of pointers) {
          const id = domains.id(high, low);
          expect(id).toBe(known.get(`${high},${low}`) ?? known.size);
          known.set(`${high},${low}`, id);
        }
      }),
    );
  });
});

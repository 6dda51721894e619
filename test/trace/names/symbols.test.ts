import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Symbols } from '../../../src/trace/names/symbols.ts';

/** As `/proc/kallsyms` has them: the kernel's own in order, then modules as they were loaded. */
const KALLSYMS = `0000000000000000 A fixed_percpu_data
0000000000001000 A cpu_debug_store
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000070 T secondary_startup_64
ffffffff817131a4 T iommu_map_nosync
ffffffff81713400 T iommu_map
ffffffff81714000 t __iommu_map_sg
ffffffff82000000 T _etext
ffffffffa0003000 t probe\t[dmabugs]
ffffffffa0003400 t remove\t[dmabugs]
ffffffffa0001000 t nvme_probe\t[nvme]
ffffffffa0001200 t nvme_remove\t[nvme]
ffffffffc0000000 t ftrace_trampoline\t[__builtin__ftrace]
`;

/** How a text passes by: the bytes of its pieces, which end with the last of these, and how many are kept. */
interface Passing {
  readonly sizes: readonly number[];
  readonly room?: number;
}

function symbolsOf(text: string, passing?: Passing): Symbols {
  const bytes = Buffer.from(text, 'latin1');
  if (!passing) return new Symbols({ all: () => bytes });
  return new Symbols({ pieces: () => pieces(bytes, passing.sizes), all: () => bytes }, passing.room);
}

/** Each piece is gone when the next is asked for, as the decoder's memory is. */
function* pieces(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    const piece = Uint8Array.from(bytes.subarray(at, at + size));
    at += size;
    yield piece;
    piece.fill(0x58);
  }
}

const symbols = symbolsOf(KALLSYMS);

/** `NAME+0xOFFSET/0xSIZE [MODULE]`, as the kernel prints a stack frame. */
function nameOf(address: bigint, from = symbols): string | undefined {
  const match = from.at(Number(address >> 32n), Number(address & 0xffff_ffffn));
  if (!match) return undefined;
  const size = match.size === undefined ? '' : `/0x${match.size.toString(16)}`;
  const module = match.module === undefined ? '' : ` [${match.module}]`;
  return `${match.name}+0x${match.offset.toString(16)}${size}${module}`;
}

describe('the symbol of an address', () => {
  it.each([
    [0xffff_ffff_8171_31a4n, 'iommu_map_nosync+0x0/0x25c'],
    [0xffff_ffff_8171_33ffn, 'iommu_map_nosync+0x25b/0x25c'],
    [0xffff_ffff_8171_3400n, 'iommu_map+0x0/0xc00'],
  ])('%s is the one at or below it', (address, name) => {
    expect(nameOf(address)).toBe(name);
  });

  it('is the first of several names of one place', () => {
    expect(nameOf(0xffff_ffff_8100_0010n)).toBe('_stext+0x10/0x70');
  });

  it('may be in a module, and modules stand in any order', () => {
    expect(nameOf(0xffff_ffff_a000_3137n)).toBe('probe+0x137/0x400 [dmabugs]');
    expect(nameOf(0xffff_ffff_a000_1208n)).toBe('nvme_remove+0x8/0x1e00 [nvme]');
  });

  it('is not the last function of the kernel for what lies far behind it', () => {
    expect(nameOf(0xffff_ffff_9000_0000n)).toBeUndefined();
  });

  it('is unknown below the first symbol, and with no symbols at all', () => {
    expect(nameOf(0xffff_8000_0000_0000n)).toBeUndefined();
    expect(nameOf(0xffff_ffff_8100_0000n, symbolsOf(''))).toBeUndefined();
  });

  it('does not reach further than a page behind a trampoline, which no other symbol ends', () => {
    expect(nameOf(0xffff_ffff_c000_0fffn)).toBe('ftrace_trampoline+0xfff [__builtin__ftrace]');
    expect(nameOf(0xffff_ffff_c000_1000n)).toBeUndefined();
  });

  it('is exact to the byte at both ends of the address space, where per-CPU data and code are', () => {
    expect(nameOf(0x10n)).toBe('fixed_percpu_data+0x10/0x1000');
    expect(nameOf(0x1010n)).toBe('cpu_debug_store+0x10');
    expect(nameOf(0xffff_ffff_81ff_ffffn)).toBe('__iommu_map_sg+0x8ebfff/0x8ec000');
  });

  it('of a 32-bit kernel has 8 digits', () => {
    const arm = symbolsOf('c0100000 T _stext\nc0100200 T start_kernel\nbf000000 t probe\t[edu]\n');
    expect(nameOf(0xc010_0204n, arm)).toBe('start_kernel+0x4');
    expect(nameOf(0xbf00_0010n, arm)).toBe('probe+0x10 [edu]');
  });

  it('is there without a line break at the end of the file', () => {
    expect(nameOf(0xffff_ffff_8100_0003n, symbolsOf('ffffffff81000000 T _text'))).toBe('_text+0x3');
  });
});

describe('the symbols as they pass by', () => {
  const kernel = Array.from(
    { length: 1000 },
    (_, i) => `${(0xffff_ffff_8100_0000n + BigInt(i * 64)).toString(16)} t f${i}\n`,
  ).join('');
  const addressOf = (i: number): bigint => 0xffff_ffff_8100_0000n + BigInt(i * 64 + 8);
  const inPieces = (room: number): { from: Symbols; read: () => number; whole: () => number } => {
    const bytes = Buffer.from(kernel, 'latin1');
    let read = 0;
    let whole = 0;
    const counted = function* (): Generator<Uint8Array> {
      for (const piece of pieces(bytes, Array(1000).fill(64))) {
        read += piece.length;
        yield piece;
      }
    };
    const all = (): Uint8Array => {
      whole++;
      return bytes;
    };
    return { from: new Symbols({ pieces: counted, all }, room), read: () => read, whole: () => whole };
  };

  it('are read no further than to the line behind the address', () => {
    const { from, read, whole } = inPieces(1024);
    expect(nameOf(addressOf(500), from)).toBe('f500+0x8/0x40');
    expect(read()).toBeLessThan(kernel.indexOf(' f502\n') + 64);
    expect(nameOf(addressOf(490), from)).toBe('f490+0x8/0x40');
    expect(read()).toBeLessThan(kernel.indexOf(' f502\n') + 64);
    expect(nameOf(addressOf(900), from)).toBe('f900+0x8/0x40');
    expect(whole()).toBe(0);
  });

  it('are read as a whole, once, for what has passed', () => {
    const { from, whole } = inPieces(1024);
    expect(nameOf(addressOf(500), from)).toBe('f500+0x8/0x40');
    expect(nameOf(addressOf(100), from)).toBe('f100+0x8/0x40');
    expect(nameOf(addressOf(20), from)).toBe('f20+0x8/0x40');
    expect(whole()).toBe(1);
  });

  it('are read as a whole where the pieces end before the address', () => {
    const from = symbolsOf(KALLSYMS, { sizes: [50, 60] });
    expect(nameOf(0xffff_ffff_8171_31a8n, from)).toBe('iommu_map_nosync+0x4/0x25c');
  });

  it('is all there is of none', () => {
    expect(symbolsOf('').isEmpty).toBe(true);
    expect(symbols.isEmpty).toBe(false);
  });
});

describe('lines that are no symbols', () => {
  it.each([
    ['empty ones', '\n\n'],
    ['words', 'cut here\n'],
    ['an address alone', 'ffffffff81200000\n'],
    ['an address and a type', 'ffffffff81200000 T\n'],
    ['a name without a type', 'ffffffff81200000 somewhere\n'],
  ])('are passed over: %s', (_, lines) => {
    const text = `ffffffff81000000 T one\n${lines}ffffffff81400000 T two\n${lines}`;
    expect(nameOf(0xffff_ffff_8130_0000n, symbolsOf(text))).toBe('one+0x300000/0x400000');
    expect(nameOf(0xffff_ffff_8140_0000n, symbolsOf(text))).toBe('two+0x0');
  });

  it('do not hide the symbols around them, wherever they are', () => {
    const first = 0xffff_ffff_8100_0000n;
    const lines = Array.from({ length: 500 }, (_, i) => `${(first + BigInt(i * 16)).toString(16)} T f${i}`);
    for (let damaged = 0; damaged < lines.length; damaged++) {
      const from = symbolsOf(lines.with(damaged, 'damaged').join('\n'));
      for (const i of [damaged - 20, damaged - 1, damaged + 1, damaged + 20]) {
        if (i < 0 || i >= lines.length) continue;
        expect(from.at(0xffff_ffff, 0x8100_0004 + i * 16)?.name, `line ${damaged} is damaged`).toBe(`f${i}`);
      }
    }
  });
});

describe('for every table of symbols', () => {
  interface Line {
    readonly address: bigint;
    readonly name: string;
    readonly module: string | undefined;
  }

  const LARGEST = 1n << 24n;

  /** What is looked for, by looking at every line. */
  function naive(lines: readonly Line[], address: bigint): string | undefined {
    let best: Line | undefined;
    let next: bigint | undefined;
    for (const line of lines) {
      if (line.address <= address && (!best || line.address > best.address)) best = line;
      if (line.address > address && (next === undefined || line.address < next)) next = line.address;
    }
    if (!best || address - best.address > LARGEST) return undefined;
    if (best.module !== undefined) {
      let behind: Line | undefined;
      for (const line of lines) {
        if (line.module === undefined || line.address <= address) continue;
        if (!behind || line.address < behind.address) behind = line;
      }
      // Behind the last symbol of a module, another may have been.
      const isWithin = behind?.module === best.module && behind.address - best.address <= LARGEST;
      if (!isWithin && address >= (best.address / 4096n + 2n) * 4096n) return undefined;
    }
    const size =
      next === undefined || next - best.address > LARGEST ? '' : `/0x${(next - best.address).toString(16)}`;
    const module = best.module === undefined ? '' : ` [${best.module}]`;
    return `${best.name}+0x${(address - best.address).toString(16)}${size}${module}`;
  }

  const addresses = fc.oneof(
    fc.bigInt({ min: 0n, max: 0x2000n }),
    fc.bigInt({ min: 0xffff_ffff_8100_0000n, max: 0xffff_ffff_8100_0200n }),
    // No code is in the last 256 MiB.
    fc.bigInt({ min: 0xffff_ffff_8000_0000n, max: 0xffff_ffff_f000_0000n }),
  );
  const byAddress = (a: Line, b: Line): number =>
    a.address < b.address ? -1 : a.address > b.address ? 1 : 0;

  it('the nearest symbol below is found, as by looking at every line', () => {
    const kernels = fc
      .array(addresses, { maxLength: 150 })
      .map(list =>
        list.map((address, i): Line => ({ address, name: `k${i}`, module: undefined })).sort(byAddress),
      );
    const modules = fc
      .array(fc.tuple(addresses, fc.constantFrom('nvme', 'edu')), { maxLength: 60 })
      .map(list => list.map(([address, module], i): Line => ({ address, name: `m${i}`, module })));
    fc.assert(
      fc.property(
        kernels,
        modules,
        fc.array(addresses, { minLength: 1, maxLength: 10 }),
        (kernel, loaded, wanted) => {
          const lines = [...kernel, ...loaded];
          const text = lines
            .map(
              ({ address, name, module }) =>
                `${address.toString(16)} t ${name}${module ? `\t[${module}]` : ''}\n`,
            )
            .join('');
          const from = symbolsOf(text);
          const all = [...wanted, ...lines.slice(0, 20).map(({ address }) => address)];
          for (const address of all) expect(nameOf(address, from)).toBe(naive(lines, address));
        },
      ),
    );
  });

  it('an address behind a module is not taken for a part of it: one that was unloaded may have been there', () => {
    const from = symbolsOf(
      'ffffffffc0001000 t probe\t[edu]\nffffffffc0001800 t remove\t[edu]\nffffffffc0100000 t init\t[nvme]\n',
    );
    expect(nameOf(0xffff_ffff_c000_2fffn, from)).toMatch(/^remove\+0x17ff.* \[edu\]$/);
    expect(nameOf(0xffff_ffff_c000_3000n, from)).toBeUndefined();
    expect(nameOf(0xffff_ffff_c000_17ffn, from)).toBe('probe+0x7ff/0x800 [edu]');
  });

  it('its text says the same as it passes by', () => {
    const below = (limit: bigint): fc.Arbitrary<bigint> =>
      fc.bigInt({ min: 0xffff_ffff_8000_0000n, max: limit });
    const kernels = fc.array(fc.oneof(fc.bigInt({ min: 0n, max: 0x2000n }), below(0xffff_ffff_8100_0000n)), {
      maxLength: 150,
    });
    // Modules have their own place: above the kernel on x86-64, below it on arm64.
    const modules = fc.array(
      fc.oneof(
        fc.bigInt({ min: 0xffff_ffff_a000_0000n, max: 0xffff_ffff_a000_2000n }),
        fc.bigInt({ min: 0xffff_8000_7a00_0000n, max: 0xffff_8000_7a00_2000n }),
      ),
      { maxLength: 20 },
    );
    const passings = fc.record({
      sizes: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 }),
      room: fc.integer({ min: 2, max: 2000 }),
    });
    fc.assert(
      fc.property(
        kernels,
        modules,
        passings,
        fc.array(below(0xffff_ffff_a000_2000n)),
        (kernel, loaded, passing, more) => {
          const sorted = [...kernel].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
          const text = [
            ...sorted.map((address, i) => `${address.toString(16)} T k${i}\n`),
            ...loaded.map((address, i) => `${address.toString(16)} t m${i}\t[edu]\n`),
          ].join('');
          const inTurn = symbolsOf(text, passing);
          for (const address of [...kernel, ...loaded, ...more, 0x2100n, 0xffff_8000_7a00_0100n]) {
            const whole = nameOf(address, symbolsOf(text));
            expect(nameOf(address, symbolsOf(text, passing))).toBe(whole);
            // What was asked before does not matter.
            expect(nameOf(address, inTurn)).toBe(whole);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('any text at all is taken without complaint', () => {
    const pieces = fc.constantFrom('ffffffff81000000', ' ', 'T', 'name', '\t', '[mod]', '\n', '\0', 'x', '[');
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 60 }).map(list => list.join('')),
    );
    fc.assert(
      fc.property(texts, addresses, (text, address) => {
        nameOf(address, symbolsOf(text));
      }),
    );
  });
});

import fc from 'fast-check';

/** One change to an input, with positions as parts of the whole, so that it fits inputs of any size. */
export type Change =
  | {
      readonly kind: 'number';
      readonly at: number;
      readonly size: 1 | 2 | 4 | 8;
      readonly value: bigint;
      readonly littleEndian: boolean;
    }
  | { readonly kind: 'add'; readonly at: number; readonly size: 1 | 2 | 4 | 8; readonly delta: number }
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'remove'; readonly at: number; readonly length: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number; readonly times: number }
  | { readonly kind: 'copy'; readonly from: number; readonly at: number; readonly length: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'text'; readonly at: number; readonly text: string };

/** Some changes, and where they go: near a border of the input's structure, or anywhere. */
export interface Mutation {
  readonly changes: readonly Change[];
  /** For each change: 0 for anywhere, else how far behind a border (or before it) it stands. */
  readonly nearBorder: readonly (number | undefined)[];
}

/** Values at which readers go wrong: nothing, the ends of each width, one beside them, and what a file claims to be. */
const NUMBERS: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0xfffn,
  0x1000n,
  0x7fffn,
  0xffffn,
  0x1_0000n,
  0x3fff_ffffn,
  0x4000_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fff8n,
  0xffff_ffffn,
  0x1_0000_0000n,
  1n << 53n,
  1n << 60n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** Words of the formats, and what breaks the parsing of text. */
const TEXTS: readonly string[] = [
  'field:',
  '\tfield:unsigned long caller[];\toffset:16;\tsize:0;\tsigned:0;\n',
  '\tfield:__data_loc char[] x;\toffset:8;\tsize:4;\tsigned:0;\n',
  'offset:4294967295;',
  'offset:-1;',
  'size:18446744073709551615;',
  'size:0;',
  'signed:1;',
  'name: ',
  'ID: 65535\n',
  'ID: 99999999999999999999\n',
  'print fmt: ',
  '\n\n',
  '\0',
  '\t[module]',
  '[LOST 18446744073709551615 EVENTS]',
  'CPU:4294967295 [LOST EVENTS]\n',
  'timestamp',
  'commit',
  '# tracer: nop\n',
  '=> ',
  '<stack trace>\n',
  '0x',
  'ffffffffffffffff',
  '-1',
  '9999999999.999999: ',
  '\uffff',
  '['.repeat(64),
];

/** A part of the whole, from 0 to 1; a double of fast-check's would mostly be near 0. */
const place = fc.noBias(fc.nat(2 ** 30 - 1)).map(part => part / 2 ** 30);
const width = fc.constantFrom(1, 2, 4, 8);
const length = fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 5000 }));

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant('number' as const),
      at: place,
      size: width,
      value: fc.oneof(fc.constantFrom(...NUMBERS), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
      littleEndian: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      at: place,
      size: width,
      delta: fc.constantFrom(-8, -4, -1, 1, 4, 8, 16, 4096, -4096),
    }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: place, length }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('repeat' as const),
      at: place,
      length,
      times: fc.integer({ min: 1, max: 20 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('copy' as const), from: place, at: place, length }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('insert' as const),
      at: place,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 32 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('text' as const), at: place, text: fc.constantFrom(...TEXTS) }),
  },
);

/** A change and how far from a border it stands, or that it stands anywhere: most of an input is no border. */
const placed = fc.tuple(change, fc.option(fc.integer({ min: -8, max: 40 }), { nil: undefined, freq: 1 }));

/** Mutations, those of one change more often: what the first one breaks hides what the others would. */
export const mutations: fc.Arbitrary<Mutation> = fc
  .oneof(
    { weight: 6, arbitrary: fc.tuple(placed) },
    { weight: 3, arbitrary: fc.array(placed, { minLength: 2, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.array(placed, { minLength: 4, maxLength: 8 }) },
  )
  .map(list => ({
    changes: list.map(([each]) => each),
    nearBorder: list.map(([, near]) => near),
  }));

/** Nothing that a mutation makes is longer: the time of a run goes into many inputs, not into long ones. */
const LONGEST = 1 << 20;

/**
 * Applies a mutation.
 *
 * @param borders offsets at which a part of the input begins: its sections, lengths and counts are there
 */
export function mutate(input: Uint8Array, borders: readonly number[], mutation: Mutation): Uint8Array {
  let bytes = Buffer.from(input);
  for (const [i, each] of mutation.changes.entries()) {
    bytes = apply(bytes, each, part => placeOf(part, bytes.length, borders, mutation.nearBorder[i]));
    if (bytes.length > LONGEST) bytes = bytes.subarray(0, LONGEST);
  }
  return bytes;
}

function placeOf(part: number, length: number, borders: readonly number[], near: number | undefined): number {
  if (near === undefined || borders.length === 0) return Math.floor(part * length);
  const border = borders[Math.floor(part * borders.length)] as number;
  return Math.max(0, Math.min(length - 1, border + near));
}

function apply(bytes: Buffer, change: Change, placeAt: (part: number) => number): Buffer<ArrayBuffer> {
  const changed = Buffer.from(bytes);
  if (bytes.length === 0) return change.kind === 'insert' ? Buffer.from(change.bytes) : changed;
  const at = placeAt(change.at);
  switch (change.kind) {
    case 'number':
      putNumber(changed, at, change.size, change.value, change.littleEndian);
      return changed;
    case 'add': {
      const size = Math.min(change.size, bytes.length - at);
      let value = 0n;
      for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i] as number);
      putNumber(changed, at, size, value + BigInt(change.delta), true);
      return changed;
    }
    case 'flip':
      changed[at] = (changed[at] as number) ^ (1 << change.bit);
      return changed;
    case 'cut':
      return changed.subarray(0, at);
    case 'remove':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + change.length)]);
    case 'repeat': {
      const part = bytes.subarray(at, at + change.length);
      const copies = Array.from({ length: change.times }, () => part);
      return Buffer.concat([bytes.subarray(0, at), ...copies, bytes.subarray(at)]);
    }
    case 'copy': {
      const from = placeAt(change.from);
      changed.set(bytes.subarray(from, Math.min(from + change.length, from + bytes.length - at)), at);
      return changed;
    }
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), change.bytes, bytes.subarray(at)]);
    case 'text':
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(change.text, 'latin1'), bytes.subarray(at)]);
  }
}

function putNumber(bytes: Buffer, at: number, size: number, value: bigint, littleEndian: boolean): void {
  for (let i = 0; i < size && at + i < bytes.length; i++) {
    const shift = BigInt((littleEndian ? i : size - 1 - i) * 8);
    bytes[at + i] = Number((value >> shift) & 0xffn);
  }
}

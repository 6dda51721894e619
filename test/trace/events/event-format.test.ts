import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type EventField,
  parseEventFormat,
  parseFields,
  readFormatHeader,
} from '../../../src/trace/events/event-format.ts';

/** As tracefs has it for `iommu:map` of Linux 7.2. */
const IOMMU_MAP = `name: map
ID: 573
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:u64 iova;\toffset:8;\tsize:8;\tsigned:0;
\tfield:u64 paddr;\toffset:16;\tsize:8;\tsigned:0;
\tfield:size_t size;\toffset:24;\tsize:8;\tsigned:0;

print fmt: "IOMMU: iova=0x%016llx - 0x%016llx paddr=0x%016llx size=%zu", REC->iova, REC->iova + REC->size, REC->paddr, REC->size
`;

function field(line: string): EventField | undefined {
  return parseFields(line)[0];
}

describe('the format of an event', () => {
  it('has a name, the type of its records, and fields at their places', () => {
    const header = readFormatHeader('iommu', IOMMU_MAP);
    expect(header).toMatchObject({ system: 'iommu', name: 'map', id: 573 });
    const { fields } = parseEventFormat(header ?? { system: '', name: '', id: 0, text: '' });
    expect(fields.map(({ name, type, offset, size, signed }) => [name, type, offset, size, signed])).toEqual([
      ['common_type', 'unsigned short', 0, 2, false],
      ['common_flags', 'unsigned char', 2, 1, false],
      ['common_preempt_count', 'unsigned char', 3, 1, false],
      ['common_pid', 'int', 4, 4, true],
      ['iova', 'u64', 8, 8, false],
      ['paddr', 'u64', 16, 8, false],
      ['size', 'size_t', 24, 8, false],
    ]);
  });

  it('ends where its print format begins, which may quote anything', () => {
    expect(parseFields('print fmt: "x"\n\tfield:u64 iova;\toffset:8;\tsize:8;\tsigned:0;\n')).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['a directory listing', 'total 12\n'],
    ['a name without an id', 'name: map\nformat:\n'],
    ['an id that is no number', 'name: map\nID: x\n'],
  ])('is none where the text is %s', (_, text) => {
    expect(readFormatHeader('iommu', text)).toBeUndefined();
  });
});

describe('a field', () => {
  it.each<[line: string, expected: Partial<EventField>]>([
    [
      '\tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;',
      { name: 'pfn', type: 'unsigned long', layout: 'scalar' },
    ],
    [
      '\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;',
      { name: 'ptr', type: 'const void *', layout: 'scalar' },
    ],
    ['\tfield:void *ptr;\toffset:16;\tsize:8;\tsigned:0;', { name: 'ptr', type: 'void *', layout: 'scalar' }],
    [
      '\tfield:enum dma_data_direction dir;\toffset:36;\tsize:4;\tsigned:0;',
      { name: 'dir', type: 'enum dma_data_direction' },
    ],
    ['\tfield:s32 ret;\toffset:24;\tsize:4;\tsigned:1;', { name: 'ret', signed: true, offset: 24, size: 4 }],
    [
      '\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;',
      { name: 'comm', type: 'char', layout: 'array', size: 16 },
    ],
    ['\tfield:char comm[TASK_COMM_LEN];\toffset:8;\tsize:16;\tsigned:0;', { name: 'comm', layout: 'array' }],
    [
      '\tfield:unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;',
      { name: 'caller', layout: 'array', size: 64 },
    ],
    ['\tfield:u32 buf[];\toffset:24;\tsize:0;\tsigned:0;', { name: 'buf', layout: 'array', size: 0 }],
    [
      '\tfield:__data_loc char[] device;\toffset:8;\tsize:4;\tsigned:0;',
      { name: 'device', type: '__data_loc char[]', layout: 'data_loc' },
    ],
    [
      '\tfield:__data_loc u64[] phys_addrs;\toffset:24;\tsize:4;\tsigned:0;',
      { name: 'phys_addrs', layout: 'data_loc' },
    ],
    ['\tfield:__rel_loc char[] msg;\toffset:8;\tsize:4;\tsigned:1;', { name: 'msg', layout: 'rel_loc' }],
    ['\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;', { name: '__probe_ip' }],
    ['\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;', { name: 'commit', type: 'local_t' }],
    ['\tfield:u64 arg1; offset:16; size:8;', { name: 'arg1', offset: 16, signed: false }],
  ])('is read from %j', (line, expected) => {
    expect(field(line)).toMatchObject(expected);
  });

  it.each([
    '\tfield:u64 iova;\toffset:x;\tsize:8;\tsigned:0;',
    '\tfield:u64 iova;\tsize:8;\tsigned:0;',
    '\tfield:;\toffset:8;\tsize:8;\tsigned:0;',
    '\tfield:u64 *;\toffset:8;\tsize:8;\tsigned:0;',
    '\tfield:u64 123;\toffset:8;\tsize:8;\tsigned:0;',
    '\tfeld:u64 iova;\toffset:8;\tsize:8;\tsigned:0;',
  ])('is none in %j', line => {
    expect(parseFields(line)).toEqual([]);
  });
});

describe('for every text', () => {
  const pieces = fc.constantFrom(
    '\tfield:',
    'unsigned long ',
    '__data_loc char[] ',
    'pfn',
    '[',
    ']',
    ';',
    '\toffset:',
    '\tsize:',
    '8',
    '\tsigned:1;',
    '\n',
    'print fmt: "',
    '\0',
  );

  it('parsing does not throw, and fields have a name and a place', () => {
    const texts = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.array(pieces, { maxLength: 40 }).map(list => list.join('')),
    );
    fc.assert(
      fc.property(texts, text => {
        for (const { name, offset, size } of parseFields(text)) {
          expect(name).toMatch(/^[A-Za-z_]\w*$/);
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(size).toBeGreaterThanOrEqual(0);
        }
        readFormatHeader('system', text);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['names', 'a'],
    ['blanks', ' '],
    ['brackets', '['],
    ['semicolons', ';'],
  ])('a line of 200,000 %s takes no longer than any other line of its length', (_, character) => {
    const long = character.repeat(200_000);
    const started = performance.now();
    parseFields(
      `\tfield:u64 ${long}-;\toffset:8;\tsize:8;\tsigned:0;\n\tfield:${long}\n\tfield:u8 ${long}x];\toffset:8;\tsize:8;`,
    );
    readFormatHeader('system', `name: ${long}`);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

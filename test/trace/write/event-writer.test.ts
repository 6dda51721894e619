import { describe, expect, it } from 'vitest';
import { wordsOf } from '../../../src/trace/events/words.ts';
import { CpuRing } from '../../../src/trace/write/cpu-ring.ts';
import { shapeEvent } from '../../../src/trace/write/event-shape.ts';
import { EventWriter } from '../../../src/trace/write/event-writer.ts';
import { fieldReader, ownFields, textOf } from '../../helpers/event-fields.ts';
import { readChunks } from '../../helpers/fake-chunks.ts';
import { ARM, MACHINES, X86_64 } from '../../helpers/ring-buffer.ts';

const FIELDS = [
  'u64 iova',
  'size_t size',
  'int result',
  '__data_loc char[] device',
  '__data_loc u64[] addrs',
  '__rel_loc unsigned int[] lengths',
  'char comm[16]',
  'u16 stage',
  'bool truncated',
  'unsigned long caller[2]',
];

describe('the shape of an event', () => {
  it('is that of the kernel that declares it', () => {
    const offsets = (abi: typeof X86_64): Record<string, [number, number]> => {
      const { format } = shapeEvent(abi, 'test', 'all', 7, FIELDS, '""');
      return Object.fromEntries(ownFields(format).map(({ name, offset, size }) => [name, [offset, size]]));
    };
    expect(offsets(X86_64)).toEqual({
      iova: [8, 8],
      size: [16, 8],
      result: [24, 4],
      device: [28, 4],
      addrs: [32, 4],
      lengths: [36, 4],
      comm: [40, 16],
      stage: [56, 2],
      truncated: [58, 1],
      caller: [64, 16],
    });
    expect(offsets(ARM)).toMatchObject({ size: [16, 4], result: [20, 4], caller: [56, 8] });
  });

  it('reads as events/SYSTEM/NAME/format does', () => {
    const { text } = shapeEvent(
      X86_64,
      'iommu',
      'map',
      501,
      ['u64 iova', 'u64 paddr', 'size_t size'],
      '"IOMMU: iova=0x%016llx", REC->iova',
    );
    expect(text).toBe(
      'name: map\nID: 501\nformat:\n' +
        '\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n' +
        '\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n' +
        '\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n' +
        '\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n' +
        '\tfield:u64 iova;\toffset:8;\tsize:8;\tsigned:0;\n' +
        '\tfield:u64 paddr;\toffset:16;\tsize:8;\tsigned:0;\n' +
        '\tfield:size_t size;\toffset:24;\tsize:8;\tsigned:0;\n\n' +
        'print fmt: "IOMMU: iova=0x%016llx", REC->iova\n',
    );
  });
});

describe('an event writer', () => {
  it.each(MACHINES)('writes what the field readers read, on %s', (_, abi) => {
    const { format } = shapeEvent(abi, 'test', 'all', 7, FIELDS, '""');
    const chunks: Uint8Array[] = [];
    const ring = new CpuRing(0, abi, (_cpu, bytes) => chunks.push(bytes.slice()));
    const writer = new EventWriter(format, abi);
    // A longer record first: nothing of it may shine through the second.
    for (let i = 0; i < 2; i++) {
      writer.write(ring, 10 + i, 4711, 0x11, {
        iova: i === 0 ? 0xffff_ffff_ffff_ffffn : 0x1_2345_6789_a000,
        size: 4096,
        result: -22,
        device: i === 0 ? '0000:00:1f.6 and more' : '0000:00:04.0',
        addrs: [0x1000, 0xffff_8880_1234_5678n],
        lengths: [1, 2, 0xffff_ffff],
        comm: 'a name that is longer than its field',
        stage: 6,
        truncated: 1,
        caller: [1, 2],
      });
      ring.flush();
    }
    writer.write(ring, 12, 1, 0, {});
    ring.flush();
    const { events } = readChunks(abi, chunks);
    const [, second, empty] = events;
    if (!second || !empty) throw new Error('three events were written');
    const valuesOf = (payload: Uint8Array): Record<string, unknown> => {
      const event = {
        view: new DataView(payload.buffer, payload.byteOffset, payload.length),
        words: wordsOf(payload, abi.littleEndian),
        payload: 0,
        payloadSize: payload.length,
        littleEndian: abi.littleEndian,
      } as Parameters<ReturnType<typeof fieldReader>>[0];
      return Object.fromEntries(
        ownFields(format).map(field => {
          const value = fieldReader(field)(event);
          const isText = value instanceof Uint8Array && /char/.test(field.type);
          return [field.name, isText ? textOf(value) : value instanceof Uint8Array ? value.length : value];
        }),
      );
    };
    expect(valuesOf(second.payload)).toEqual({
      iova: 0x1_2345_6789_a000n,
      size: 4096n,
      result: -22n,
      device: '0000:00:04.0',
      addrs: 16,
      lengths: 12,
      comm: 'a name that is ',
      stage: 6n,
      truncated: 1n,
      caller: 2 * abi.longSize,
    });
    expect(valuesOf(empty.payload)).toMatchObject({ iova: 0n, device: '', addrs: 0, comm: '' });
  });
});

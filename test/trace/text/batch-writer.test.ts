import { describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../../src/trace/events/record-batch.ts';
import { BatchWriter } from '../../../src/trace/text/batch-writer.ts';

/** What is kept of each record of the batches: its first word behind the entry, its CPU, and the frames of its stack. */
interface Told {
  readonly value: number | undefined;
  readonly cpu: number | undefined;
  readonly frames: readonly (number | undefined)[];
}

function recorder() {
  const told: Told[] = [];
  const sizes: number[] = [];
  const listener = (batch: RecordBatch): void => {
    sizes.push(batch.count);
    for (let i = 0; i < batch.count; i++) {
      const frames = Array.from(
        { length: (batch.stackSizes[i] ?? 0) / 8 },
        (_, k) => batch.words[((batch.stacks[i] ?? 0) >> 2) + 2 * k],
      );
      told.push({ value: batch.words[((batch.payloads[i] ?? 0) >> 2) + 2], cpu: batch.cpus[i], frames });
    }
  };
  return { told, sizes, writer: new BatchWriter(listener) };
}

function write(writer: BatchWriter, cpu: number, value: number, size = 16): number {
  writer.reserve(size);
  writer.words.fill(0, writer.start >> 2, (writer.start + size) >> 2);
  writer.words[(writer.start >> 2) + 2] = value;
  return writer.push(cpu, value * 1000, value, size);
}

describe('batches of records', () => {
  it('hold back what may still get its stack', () => {
    const { writer, told } = recorder();
    write(writer, 0, 1);
    const waiting = write(writer, 1, 2);
    write(writer, 0, 3);
    writer.deliver();
    expect(told.map(({ value }) => value)).toEqual([1]);
    expect(writer.lastOf(1)).toBe(waiting);
    writer.addFrame(waiting, 0xffffffff, 0x81000000);
    writer.deliver();
    writer.addFrame(waiting, 0xffffffff, 0x82000000);
    write(writer, 1, 4);
    writer.finish();
    expect(told).toEqual([
      { value: 1, cpu: 0, frames: [] },
      { value: 2, cpu: 1, frames: [0x81000000, 0x82000000] },
      { value: 3, cpu: 0, frames: [] },
      { value: 4, cpu: 1, frames: [] },
    ]);
  });

  it('do not wait for a stack when 1024 events came behind', () => {
    const { writer, told } = recorder();
    write(writer, 0, 0);
    for (let i = 1; i < 1024; i++) write(writer, 1, i);
    expect(writer.lastOf(0)).toBe(0);
    writer.deliver();
    expect(told).toEqual([]);
    write(writer, 1, 1024);
    expect(writer.lastOf(0)).toBe(-1);
    writer.deliver();
    expect(told).toHaveLength(1024);
  });

  it('lose nothing however many records are written, or how large they are', () => {
    const { writer, told, sizes } = recorder();
    for (let i = 0; i < 20_000; i++) {
      const number = write(writer, i % 3, i, i % 500 === 0 ? 0xff00 : 16 + 8 * (i % 20));
      if (i % 7 === 0) for (let k = 0; k < i % 200; k++) writer.addFrame(number, 1, k);
    }
    writer.finish();
    expect(told.map(({ value }) => value)).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    expect(told.every(({ frames }, i) => frames.length === (i % 7 === 0 ? Math.min(i % 200, 128) : 0))).toBe(
      true,
    );
    expect(told.every(({ frames }) => frames.every((low, k) => low === k))).toBe(true);
    expect(sizes.length).toBeGreaterThan(1);
  });

  it('are written into memory that is used again', () => {
    const { writer } = recorder();
    const { bytes } = writer;
    for (let i = 0; i < 100_000; i++) write(writer, i % 4, i, 96);
    expect(writer.bytes).toBe(bytes);
  });

  it('take frames back', () => {
    const { writer, told } = recorder();
    const number = write(writer, 0, 1);
    writer.addFrame(number, 1, 1);
    writer.dropStack(number);
    expect(writer.stackSizeOf(number)).toBe(0);
    writer.addFrame(number, 1, 2);
    writer.finish();
    expect(told).toEqual([{ value: 1, cpu: 0, frames: [2] }]);
  });
});

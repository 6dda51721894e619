import { describe, expect, it } from 'vitest';
import { parseStats } from '../../src/record/cpu-stream.ts';
import { cpusOf, Pump, subBufferSizeOf } from '../../src/record/pump.ts';
import { defaultBufferKib } from '../../src/record/session.ts';
import { FakeTracefs } from '../helpers/fake-tracefs.ts';

const SIZE = 4096;
const INSTANCE = 'instances/mine';

/** A tracefs with an instance. */
function tracefsWith(cpus: number): FakeTracefs {
  const tracefs = new FakeTracefs({ cpus });
  tracefs.makeDirectory(INSTANCE);
  return tracefs;
}

/** Lets `count` sub-buffers wait on a CPU, each filled with its number, the last one with so many bytes of events. */
function fill(tracefs: FakeTracefs, cpu: number, count: number, lastBytes = 4080): void {
  const pages = Array.from({ length: count }, (_, i) => ({
    page: new Uint8Array(SIZE).fill(i + 1),
    bytes: i === count - 1 ? lastBytes : 4080,
  }));
  tracefs.waiting.set(cpu, pages);
}

function collect(): {
  readonly sink: (cpu: number, bytes: Uint8Array) => void;
  readonly got: Map<number, number[]>;
} {
  const got = new Map<number, number[]>();
  return {
    got,
    sink(cpu, bytes) {
      const pages = got.get(cpu) ?? [];
      for (let at = 0; at < bytes.length; at += SIZE) pages.push(bytes[at] as number);
      got.set(cpu, pages);
    },
  };
}

describe('the pump', () => {
  it('reads every sub-buffer of every CPU once and in order', () => {
    const tracefs = tracefsWith(3);
    fill(tracefs, 0, 150);
    fill(tracefs, 2, 5);
    const { got, sink } = collect();
    const pump = new Pump(tracefs, INSTANCE, SIZE, 1024);
    pump.round(sink);
    pump.finish(sink);
    expect(got.get(0)).toEqual(Array.from({ length: 150 }, (_, i) => i + 1));
    expect(got.get(2)).toEqual([1, 2, 3, 4, 5]);
    expect(pump.counts.bytes).toBe(155 * SIZE);
  });

  it('leaves a sub-buffer that is being filled until the end', () => {
    const tracefs = tracefsWith(1);
    fill(tracefs, 0, 1, 100);
    const { got, sink } = collect();
    const pump = new Pump(tracefs, INSTANCE, SIZE, 1024);
    pump.round(sink);
    expect(got.size).toBe(0);
    pump.finish(sink);
    expect(got.get(0)).toEqual([1]);
  });

  it('waits long for an idle machine and little for a busy one', () => {
    const tracefs = tracefsWith(1);
    const pump = new Pump(tracefs, INSTANCE, SIZE, 64);
    const { sink } = collect();
    expect(pump.round(sink)).toBe(250);
    fill(tracefs, 0, 200);
    expect(pump.round(sink)).toBeLessThan(20);
  });

  it('closes what it has opened', () => {
    const tracefs = tracefsWith(2);
    const pump = new Pump(tracefs, INSTANCE, SIZE, 64);
    expect(() => tracefs.removeDirectory(INSTANCE)).toThrow('EBUSY');
    pump.close();
    tracefs.removeDirectory(INSTANCE);
  });
});

describe('what tracefs says of its buffers', () => {
  it('reads the counters of a CPU', () => {
    const counters = { entries: 0, bytes: 0, read: 0, lost: 0, nowNs: 0 };
    parseStats(
      'entries: 12\noverrun: 3\ncommit overrun: 1\nbytes: 456\noldest event ts:     1.5\nnow ts:   120.412345\ndropped events: 4\nread events: 99\n',
      counters,
    );
    expect(counters).toEqual({ entries: 12, bytes: 456, read: 99, lost: 7, nowNs: 120_412_345_000 });
  });

  it('finds the CPUs and the size of a sub-buffer', () => {
    const tracefs = new FakeTracefs({ cpus: 12 });
    expect(cpusOf(tracefs)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(subBufferSizeOf(tracefs.read('events/header_page'))).toBe(4096);
  });

  it('takes no more memory for buffers than a sixteenth of what is available', () => {
    expect(defaultBufferKib(8, 64 << 20)).toBe(8192);
    expect(defaultBufferKib(256, 8 << 20)).toBe(2048);
    expect(defaultBufferKib(2, 1000)).toBe(512);
  });
});

import { describe, expect, it } from 'vitest';
import { TraceSource } from '../../../src/trace/trace-source.ts';
import { IOMMU_MAP, KALLSYMS, KERNEL_STACK, PAGE_FREE } from '../../helpers/kernel-events.ts';
import { play, temporaryFiles } from '../../helpers/play.ts';
import { bufferOf, type Happening, recordingOf } from '../../helpers/recording.ts';
import { ARM, MACHINES, type Machine, X86_64 } from '../../helpers/ring-buffer.ts';
import { type Form, type Recording, writeTraceFile } from '../../helpers/trace-file.ts';

const files = temporaryFiles();
let written = 0;

function write(recording: Recording, form: Form): string {
  return files.write(`${written++}.dat`, writeTraceFile(recording, form).bytes);
}

/** The forms in which a recording can be on disk. */
const FORMS: readonly (readonly [name: string, form: Form])[] = [
  ['version 6', { version: 6 }],
  ['version 7', { version: 7 }],
  ['version 7 of a writer before trace-cmd 3.2', { version: 7, hasPageSize: false }],
  ['version 7 with zlib', { version: 7, compression: 'zlib' }],
];

/** Many frees on two CPUs: several sub-buffers on each, and several chunks where compressed. */
const EVENTS: readonly Happening[] = Array.from({ length: 1500 }, (_, i) => ({
  timeNs: 1000 + i * 10,
  cpu: i % 3 === 0 ? 1 : 0,
  type: PAGE_FREE,
  values: { pfn: i, order: i % 4 },
}));

function sample(machine: Machine): Recording {
  return recordingOf(EVENTS, {
    machine,
    formats: [PAGE_FREE, IOMMU_MAP, KERNEL_STACK],
    kallsyms: KALLSYMS,
    commandNames: '1 init\n17 kworker/u8:1-events\n',
    clocks: 'local global [mono] boot',
    uname: 'Linux host 7.2.13 x86_64',
    statistics: [
      'CPU: 0\nentries: 9\noverrun: 0\ncommit overrun: 0\ndropped events: 0\nread events: 9\n',
      'CPU: 1\nentries: 9\noverrun: 0\ndropped events: 0\n',
    ],
  });
}

describe.each(FORMS)('a file of %s', (_, form) => {
  it.each(MACHINES)('from %s holds what was recorded', async (_, machine) => {
    const path = write(sample(machine), form);
    const { calls, moments, gaps, result } = await play(path);
    expect(calls).toEqual(EVENTS.map((_, i) => ['pageFree', i, i % 4]));
    expect(moments.map(moment => moment?.timeNs)).toEqual(EVENTS.map(({ timeNs }) => timeNs));
    expect(result.perCpu.map(({ cpu, events }) => [cpu, events])).toEqual([
      [0, 1000],
      [1, 500],
    ]);
    expect(gaps).toEqual([]);
  });

  it('says of itself and of the kernel what the recorder wrote down', async () => {
    const source = await TraceSource.open(write(sample(X86_64), form));
    const { trace } = source;
    expect(trace.version).toBe(form.version);
    expect(trace.compression).toBe(form.compression ?? 'none');
    expect(trace.uname).toBe('Linux host 7.2.13 x86_64');
    expect(trace.statistics).toEqual([
      { cpu: 0, overrun: 0, droppedEvents: 0 },
      { cpu: 1, overrun: 0, droppedEvents: 0 },
    ]);
    expect(trace.buffers.map(({ name, clock, subBufferSize }) => [name, clock, subBufferSize])).toEqual([
      ['', 'mono', 4096],
    ]);
    expect(trace.formats.map(({ system, name, id }) => [system, name, id])).toEqual([
      ['ftrace', 'kernel_stack', KERNEL_STACK.id],
      ['kmem', 'mm_page_free', PAGE_FREE.id],
      ['iommu', 'map', IOMMU_MAP.id],
    ]);
    expect(source.names.task(17)).toBe('kworker/u8:1-events');
    expect(source.names.task(0)).toBe('<idle>');
    expect(source.names.task(99)).toBe('<...>');
    expect(source.names.symbols.at(0xffff_ffff, 0x8100_1004)?.name).toBe('iommu_map_nosync');
    source.close();
  });

  it('knows the size of a long of the kernel', async () => {
    const source = await TraceSource.open(write(sample(ARM), form));
    expect([source.longSize, source.trace.longSize]).toEqual([4, 4]);
    source.close();
  });

  it('may hold further trace instances, whose events are merged in', async () => {
    const top = bufferOf(X86_64, EVENTS.slice(0, 100));
    const instance = bufferOf(X86_64, EVENTS.slice(100, 150), { name: 'second' });
    const path = write({ ...sample(X86_64), buffers: [top, instance] }, form);
    const { calls, gaps } = await play(path);
    expect(calls.map(([, pfn]) => pfn)).toEqual(Array.from({ length: 150 }, (_, i) => i));
    expect(gaps).toEqual([]);
  });

  it('may have CPUs without events', async () => {
    const recording = recordingOf([{ timeNs: 1, cpu: 5, type: PAGE_FREE, values: { pfn: 1 } }]);
    const { calls, gaps, result } = await play(write(recording, form));
    expect(calls).toEqual([['pageFree', 1, 0]]);
    expect(result.perCpu.map(({ cpu }) => cpu)).toEqual([5]);
    expect(gaps).toEqual([]);
  });

  it('may hold no events at all', async () => {
    const recording = {
      ...recordingOf([]),
      formats: [PAGE_FREE],
      buffers: [{ name: '', cpus: [{ cpu: 0, subBuffers: [] }] }],
    };
    const { calls, gaps, result } = await play(write(recording, form));
    expect([calls, gaps, result.events]).toEqual([[], [], 0]);
  });
});

describe('sub-buffers of four pages', () => {
  // A writer before trace-cmd 3.2 did not write their size down, and did not know them.
  it.each(FORMS.filter(([, { hasPageSize }]) => hasPageSize !== false))(
    'are read from %s',
    async (_, form) => {
      const recording = recordingOf(EVENTS, { subBufferSize: 16_384 });
      const { calls, gaps } = await play(write(recording, form));
      expect(calls.map(([, pfn]) => pfn)).toEqual(EVENTS.map((_, i) => i));
      expect(gaps).toEqual([]);
    },
  );
});

describe('the place of an event in the file', () => {
  it('is where its bytes are', async () => {
    for (const [, form] of FORMS.slice(0, 2)) {
      const { bytes } = writeTraceFile(sample(X86_64), form);
      const { moments, names } = await play(files.write(`${written++}.dat`, bytes));
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      for (const [i, moment] of moments.entries()) {
        const { offset } = names.locate(moment?.position ?? -1) ?? { offset: 0 };
        expect(view.getUint16(offset, true)).toBe(PAGE_FREE.id);
        expect(view.getUint32(offset + 8, true)).toBe(i);
      }
    }
  });
});

import { describe, expect, it } from 'vitest';
import { type BoundKernel, bindKernel } from '../../helpers/bound-kernel.ts';
import { EventType } from '../../helpers/event-type.ts';

/** `ftrace:print` has a string that takes the rest of the record; 2 KiB stand for it here. */
const PRINT = new EventType('ftrace', 'print', 5, [
  ['unsigned long ip', 8],
  ['char buf[]', 0],
]);

/** Writes a text into `trace_marker`. */
function mark(kernel: BoundKernel, text: string): void {
  kernel.emit(
    new EventType('ftrace', 'print', 5, [
      ['unsigned long ip', 8],
      ['char buf[2048]', 2048],
    ]),
    {
      buf: text,
    },
  );
}

describe('markers of a recording', () => {
  it('name the drivers that were bound when it began', () => {
    const kernel = bindKernel([PRINT]);
    mark(kernel, 'iommusan: bound 0000:00:1f.3 Intel HD audio\n');
    expect(kernel.calls).toEqual([['driverFound', 1, 1]]);
    expect([kernel.names.device(1), kernel.names.driver(1)]).toEqual(['0000:00:1f.3', 'Intel HD audio']);
  });

  it('say what could not be recorded, and which calls were missed', () => {
    const kernel = bindKernel([PRINT]);
    mark(kernel, 'iommusan: missing dma-api: this kernel has no event for it\n');
    mark(kernel, 'iommusan: missed map 17\n');
    expect(kernel.notes).toEqual([
      'Not recorded: dma-api: this kernel has no event for it.',
      'The kernel has missed 17 calls at the probe "map": what they did is not in the trace.',
    ]);
    // Nobody knows where they were.
    expect(kernel.calls).toEqual([['eventsLost', 0, 17, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]]);
  });

  it('are not what other people write there, nor what is cut', () => {
    const kernel = bindKernel([PRINT]);
    for (const text of [
      'hello',
      'iommusan: bound',
      'iommusan: bound 0000:00:02.0',
      'a iommusan: missed x 1',
      '',
    ]) {
      mark(kernel, text);
    }
    kernel.emit(PRINT, { ip: 1 }, { cutTo: 10 });
    expect(kernel.calls).toEqual([]);
    expect(kernel.notes).toEqual([]);
  });

  it('cost no memory without end', () => {
    const kernel = bindKernel([PRINT]);
    for (let i = 0; i < 1000; i++) mark(kernel, `iommusan: missing ${i}\n`);
    expect(kernel.notes.length).toBe(100);
  });
});

describe('markers of what was mapped before', () => {
  const FOUND = 'iommusan: found 0000:00:04.0 1017f8000 8d800+3=1017f9 ffffffffff+1=20000\n';

  it('tell ranges of a table and whose it is, from the beginning of the reading to its end', () => {
    const kernel = bindKernel([PRINT]);
    mark(kernel, 'iommusan: state begin 1\n');
    mark(kernel, FOUND);
    mark(kernel, 'iommusan: found - 2000 1+1=2\n');
    mark(kernel, 'iommusan: state end\n');
    expect(kernel.calls).toEqual([
      ['stateBegin'],
      ['mappingFound', 1, 1, 0x8d80_0000, 0x1_017f_9000, 0x3000],
      ['mappingFound', 1, 1, 0xff_ffff_ffff * 4096, 0x2000_0000, 0x1000],
      ['mappingFound', 2, 0, 0x1000, 0x2000, 0x1000],
      ['stateEnd'],
    ]);
    expect(kernel.names.device(1)).toBe('0000:00:04.0');
    expect(kernel.notes).toEqual([
      '3 ranges in 2 page tables were mapped before the recording began: who mapped what is there is not known.',
    ]);
  });

  it('are not believed in a form that is not known, nor outside of a reading, nor where they are damaged', () => {
    const kernel = bindKernel([PRINT]);
    mark(kernel, FOUND);
    mark(kernel, 'iommusan: state begin 2\n');
    mark(kernel, FOUND);
    mark(kernel, 'iommusan: state end\n');
    expect(kernel.calls).toEqual([]);
    expect(kernel.notes).toEqual([expect.stringContaining('a form (2) that is not known')]);
    mark(kernel, 'iommusan: state begin 1\n');
    mark(kernel, 'iommusan: found 0000:00:04.0 xyz 1+1=2\n');
    mark(kernel, 'iommusan: found 0000:00:04.0 1000 1+=2 12\n');
    expect(kernel.calls).toEqual([['stateBegin']]);
  });
});

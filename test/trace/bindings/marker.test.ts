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

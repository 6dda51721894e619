import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAge, formatDuration, formatElapsed, formatMoment } from '../../src/report/durations.ts';
import { formatFrame, stackLines } from '../../src/report/text-stack.ts';
import { counted, formatCount, formatSize } from '../../src/report/words.ts';
import { wrap } from '../../src/report/wrap.ts';
import { frames } from './samples.ts';

describe('times', () => {
  it.each([
    [0, '0 ns'],
    [999, '999 ns'],
    [1_288_405, '1.3 ms'],
    [9_960, '10 µs'],
    [999_499, '999 µs'],
    [999_600, '1.0 ms'],
    [147_501_521, '148 ms'],
    [999_600_000, '1.0 s'],
    [5_500_000_000, '5.5 s'],
    [59_960_000_000, '1 min 0 s'],
    [125_000_000_000, '2 min 5 s'],
    [3_600_000_000_000, '1 h 0 min'],
    [3 * 86_400_000_000_000, '3 days 0 h'],
  ])('%i ns is %s', (duration, text) => {
    expect(formatDuration(duration)).toBe(text);
  });

  it('are seen from the event that was judged', () => {
    expect(formatAge(1_000, 2_000_000)).toBe('2.0 ms earlier');
    expect(formatAge(2_000_000, 1_000)).toBe('2.0 ms later');
    expect(formatAge(5, 5)).toBe('at the same time');
  });

  it('are those that trace-cmd prints', () => {
    expect(formatMoment(9_880_284_712)).toBe('9.880285 s');
    expect(formatElapsed(14.2)).toBe('14 ms');
    expect(formatElapsed(142)).toBe('0.14 s');
    expect(formatElapsed(83_000)).toBe('1 min 23 s');
  });
});

describe('numbers', () => {
  it('have separators and the right noun', () => {
    expect([0, 999, 1000, 157_170, 1_234_567].map(formatCount)).toEqual([
      '0',
      '999',
      '1,000',
      '157,170',
      '1,234,567',
    ]);
    expect(counted(1, 'page')).toBe('1 page');
    expect(counted(511, 'page')).toBe('511 pages');
  });

  it('of bytes are exact', () => {
    expect([4096, 2 ** 21, 2 ** 20 + 4096, 1500, 2 ** 30, 2 ** 40, 0].map(formatSize)).toEqual([
      ...['4 KiB', '2 MiB', '1028 KiB', '1,500 bytes', '1 GiB', '1 TiB', '0 bytes'].map(text =>
        text.replace('1028', '1,028'),
      ),
    ]);
  });
});

describe('wrap()', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1, maxLength: 40 });

  it('loses no word, and breaks a line only where the next word does not fit', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 10, max: 100 }), (list, width) => {
        const lines = wrap(list.join(' '), width, '- ', '  ');
        const bare = lines.map(line => line.slice(2));
        expect(bare.join(' ')).toBe(list.join(' '));
        for (const [index, line] of lines.entries()) {
          expect(line.length <= width || !bare[index]?.includes(' ')).toBe(true);
          const next = bare[index + 1]?.split(' ')[0];
          if (next !== undefined) expect(line.length + 1 + next.length).toBeGreaterThan(width);
        }
      }),
    );
  });
});

describe('stacks', () => {
  it('show a frame as the kernel does', () => {
    expect(formatFrame({ address: '0xffffffff81001000' })).toBe('0xffffffff81001000');
    expect(formatFrame({ address: '0x1', symbol: 'probe' })).toBe('probe');
    expect(formatFrame({ address: '0x1', symbol: 'probe', offset: 26 })).toBe('probe+0x1a');
    expect(formatFrame({ address: '0x1', symbol: 'probe', offset: 0, size: 64, module: 'nvme' })).toBe(
      'probe+0x0/0x40 [nvme]',
    );
  });

  it.each([
    'trace_event_raw_event_mm_page_free+0x9c/0xf0',
    'kprobe_trace_func+0x1/0x2\nkprobe_dispatcher+0x1/0x2\nkprobe_ftrace_handler+0x1/0x2\nftrace_trampoline+0x1/0x2',
    'fentry_trace_func+0x1/0x2\nfprobe_ftrace_entry+0x1/0x2\narch_ftrace_ops_list_func+0x1/0x2\nftrace_call+0x1/0x2',
    '__traceiter_map+0x1/0x2',
    'kprobe_dispatcher+0x1/0x2\nkprobe_int3_handler+0x1/0x2\ndo_int3+0x1/0x2\nexc_int3+0x1/0x2\nasm_exc_int3+0x1/0x2',
  ])('leave out the frames that recorded the event', recording => {
    expect(stackLines(frames(`${recording}\niommu_map+0x2f/0x90\nftrace_call+0x5/0x44`))).toEqual([
      '    iommu_map+0x2f/0x90',
      '    ftrace_call+0x5/0x44',
    ]);
  });

  it('keep those frames where there are no others', () => {
    expect(stackLines(frames('kprobe_dispatcher+0x1/0x2'))).toEqual(['    kprobe_dispatcher+0x1/0x2']);
  });

  it('are cut after sixteen frames', () => {
    const deep = frames(Array.from({ length: 20 }, (_, index) => `f${index}+0x1/0x2`).join('\n'));
    expect(stackLines(deep)).toHaveLength(17);
    expect(stackLines(deep).at(-1)).toBe('    ... 4 more');
  });
});

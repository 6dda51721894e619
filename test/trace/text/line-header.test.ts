import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newLineHeader, scanLineHeader } from '../../../src/trace/text/line-header.ts';

function scan(line: string) {
  const bytes = Buffer.from(line, 'latin1');
  const header = newLineHeader();
  if (!scanLineHeader(bytes, 0, bytes.length, header)) return undefined;
  const { pid, cpu, flags, timeNs, timeStyle, isPerf } = header;
  const comm = line.slice(header.commStart, header.commEnd);
  return { comm, pid, cpu, flags, timeNs, timeStyle, isPerf, rest: line.slice(header.rest) };
}

const USUAL = {
  comm: 'insmod',
  pid: 81,
  cpu: 1,
  flags: 0,
  timeNs: 9_870_781_000,
  timeStyle: 'seconds',
  isPerf: false,
  rest: 'map: x',
};

describe('what stands before an event', () => {
  it.each([
    ['tracefs', '          insmod-81      [001] .....     9.870781: map: x', {}],
    ['tracefs before Linux 5.15', '          insmod-81      [001] ....     9.870781: map: x', {}],
    ['tracefs without irq-info', '          insmod-81      [001]     9.870781: map: x', {}],
    ['tracefs with record-tgid', '          insmod-81      (     80) [001] .....     9.870781: map: x', {}],
    ['an unknown thread group', '          insmod-81      (-------) [001] .....     9.870781: map: x', {}],
    ['trace-cmd report', '          insmod-81    [001]     9.870781: map: x', {}],
    [
      'trace-cmd report -t',
      '          insmod-81    [001]     9.870781001: map: x',
      { timeNs: 9_870_781_001 },
    ],
    ['trace-cmd report --ts-diff', '          insmod-81    [001]     9.870781: (+12)    map: x', {}],
    [
      'trace-cmd report of several files',
      'guest.dat:           insmod-81    [001]     9.870781: map: x',
      { comm: 'guest.dat:           insmod' },
    ],
    ['trace-cmd report -l', '  insmod-81      1.....     9.870781: map: x', {}],
    [
      'tracefs in latency format',
      '  insmod-81        1d.h1. 9870781us+: map: x',
      { flags: 8, timeStyle: 'microseconds' },
    ],
    [
      'latency format without a mark',
      '  insmod-81        1d.h1. 9870781us : map: x',
      { flags: 8, timeStyle: 'microseconds' },
    ],
    [
      'a clock that counts',
      '          insmod-81      [001] .....    987: map: x',
      { timeNs: 987, timeStyle: 'counts' },
    ],
    [
      'latency format with the option verbose',
      '          insmod      81   1 8 00000008 00000003 [0096a61d] 54.194ms (+0.253ms): map: x',
      { timeNs: 9_872_925_000, flags: 8 },
    ],
    ['an interrupt', '          insmod-81      [001] d.h1.     9.870781: map: x', { flags: 8 }],
    ['a soft interrupt', '          insmod-81      [001] ..s..     9.870781: map: x', { flags: 16 }],
    [
      'an interrupt in a soft interrupt',
      '          insmod-81      [001] d.H..     9.870781: map: x',
      { flags: 24 },
    ],
    ['an NMI in an interrupt', '          insmod-81      [001] d.Z..     9.870781: map: x', { flags: 72 }],
    [
      'a name with spaces and brackets',
      '     kworker [0] x-81      [001] .....     9.870781: map: x',
      { comm: 'kworker [0] x' },
    ],
    [
      'a name with a minus',
      '    systemd-udevd-81      [001] .....     9.870781: map: x',
      { comm: 'systemd-udevd' },
    ],
    ['perf script', '          insmod    81 [001]     9.870781: map: x', { isPerf: true }],
    [
      'perf script with process and thread',
      '          insmod    80/81 [001]     9.870781: map: x',
      { isPerf: true },
    ],
  ])('%s', (_, line, differences) => {
    expect(scan(line)).toEqual({ ...USUAL, ...differences });
  });

  it.each([
    ['prose', 'Nothing here is a trace, not even [1] this.'],
    ['a comment', '# tracer: nop'],
    ['a kernel log', '[    9.870781] usb 1-1: new device'],
    ['a line that is cut in its time', '          insmod-81      [001] .....     9.8707'],
    ['a CPU that no machine has', '          insmod-81      [999999] .....     9.870781: map: x'],
  ])('is not in %s', (_, line) => {
    expect(scan(line)).toBeUndefined();
  });

  it('is looked for in any bytes without reading beyond them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        const header = newLineHeader();
        if (scanLineHeader(bytes, 0, bytes.length, header))
          expect(header.rest).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { newMoment } from '../../../src/kernel/moment.ts';
import { IommuCalls } from '../../../src/trace/bindings/iommu-calls.ts';
import { LossWindows } from '../../../src/trace/bindings/loss-windows.ts';
import { newRecorder } from '../../helpers/recorder.ts';

const A = 1;
const PAGE = 0x1000;

/** Calls of one task, with a tracepoint and return probes without arguments. */
function callsWith(evidence: { tracepoints: boolean }) {
  const { sink, calls: told } = newRecorder();
  const calls = new IommuCalls(sink, {
    mapOutcome: evidence.tracepoints,
    unmapOutcome: evidence.tracepoints,
    mapReturnNamesDomain: false,
    unmapReturnNamesDomain: false,
  });
  const at = (timeNs: number) => ({ ...newMoment(), timeNs, pid: 7, context: 7 });
  return { calls, told, at };
}

describe('a loss between the entry and the end of a call', () => {
  it('leaves the domain of a map open: the entry may be of another call', () => {
    const { calls, told, at } = callsWith({ tracepoints: true });
    calls.mapEntry(at(10), A, 0x1000, 0x5000, PAGE, 3);
    calls.eventsLost(20);
    calls.mapTracepoint(at(20), 0x1000, 0x6000, PAGE);
    expect(told).toEqual([['iommuMap', 0, 0x1000, 0x6000, PAGE, -1]]);
  });

  it('does not matter before it is over: all that is believed until then is uncertain anyway', () => {
    const { calls, told, at } = callsWith({ tracepoints: true });
    calls.mapEntry(at(10), A, 0x1000, 0x5000, PAGE, 3);
    calls.eventsLost(30);
    calls.mapTracepoint(at(20), 0x1000, 0x5000, PAGE);
    expect(told).toEqual([['iommuMap', A, 0x1000, 0x5000, PAGE, 3]]);
  });

  it('leaves an unmap with what its entry asked for, and its end as one of its own', () => {
    const { calls, told, at } = callsWith({ tracepoints: true });
    calls.unmapEntry(at(10), A, 0x1000, PAGE);
    calls.eventsLost(20);
    calls.unmapTracepoint(at(21), 0x1000, PAGE, 2 * PAGE);
    expect(told).toEqual([
      ['iommuUnmapBegin', A, 0x1000, PAGE],
      ['iommuUnmapEnd', A, 0x1000, PAGE, PAGE],
      ['iommuUnmapBegin', 0, 0x1000, PAGE],
      ['iommuUnmapEnd', 0, 0x1000, PAGE, 2 * PAGE],
    ]);
  });

  it('does not take the result of another call for that of the open one', () => {
    const { calls, told, at } = callsWith({ tracepoints: false });
    calls.unmapReturn(at(1), PAGE);
    calls.unmapEntry(at(10), A, 0x1000, PAGE);
    calls.eventsLost(20);
    calls.unmapReturn(at(20), 512 * PAGE);
    expect(told).toEqual([
      ['iommuUnmapBegin', A, 0x1000, PAGE],
      ['iommuUnmapEnd', A, 0x1000, PAGE, PAGE],
    ]);
  });
});

describe('windows of loss', () => {
  it('count as over once their end is reached, in any order', () => {
    const windows = new LossWindows();
    windows.add(30);
    windows.add(10);
    windows.add(20);
    expect([9, 10, 25, 29, 30, 31].map(timeNs => windows.closedBy(timeNs))).toEqual([0, 1, 2, 2, 3, 3]);
    windows.add(50);
    expect([40, 50].map(timeNs => windows.closedBy(timeNs))).toEqual([3, 4]);
  });
});

import { describe, expect, it } from 'vitest';
import { newMoment } from '../../../src/kernel/moment.ts';
import { IommuCalls } from '../../../src/trace/bindings/iommu-calls.ts';
import { newRecorder } from '../../helpers/recorder.ts';

const A = 1;
const PAGE = 0x1000;

/** Calls of one task with probes at entry and return; without tracepoints the return alone tells how a call ended. */
function calls(events: (calls: IommuCalls, at: (timeNs: number) => ReturnType<typeof newMoment>) => void) {
  const { sink, calls: told } = newRecorder();
  const joined = new IommuCalls(sink, {
    mapOutcome: true,
    unmapOutcome: true,
    mapReturnNamesDomain: false,
    unmapReturnNamesDomain: false,
  });
  events(joined, timeNs => ({ ...newMoment(), timeNs, pid: 7, context: 7, cpu: 1 }));
  joined.finish();
  return { notes: joined.notes, lost: told.filter(([method]) => method === 'eventsLost') };
}

describe('a call without its return', () => {
  it('is counted, and nothing is lost where the tracepoint tells what it did', () => {
    const { notes, lost } = calls((joined, at) => {
      for (const iova of [0x1000, 0x2000, 0x3000]) {
        joined.mapEntry(at(iova), A, iova, iova, PAGE, 3);
        joined.mapTracepoint(at(iova + 1), iova, iova, PAGE);
        // The kernel has missed two.
        if (iova === 0x3000) joined.mapReturn(at(iova + 2), 0);
      }
      for (const iova of [0x1000, 0x2000]) {
        joined.unmapEntry(at(iova * 8), A, iova, PAGE);
        joined.unmapTracepoint(at(iova * 8 + 1), iova, PAGE, PAGE);
        if (iova === 0x2000) joined.unmapReturn(at(iova * 8 + 2), PAGE);
      }
    });
    expect(notes).toEqual([
      'The trace lacks the return of 2 map calls and of 1 unmap call, though it has that of others: the kernel has missed the probe there, or the trace ends within the call. What they did is known from the tracepoints iommu:map and iommu:unmap.',
    ]);
    expect(lost).toEqual([]);
  });

  it('casts doubt on all of the trace where nothing tells what it did', () => {
    const { notes, lost } = calls((joined, at) => {
      joined.mapEntry(at(10), A, 0x1000, 0x1000, PAGE, 3);
      joined.mapEntry(at(20), A, 0x2000, 0x2000, PAGE, 3);
      joined.mapReturn(at(30), 0);
      joined.unmapEntry(at(40), A, 0x2000, PAGE);
      joined.unmapReturn(at(50), PAGE);
      joined.unmapEntry(at(60), A, 0x3000, PAGE);
    });
    expect(notes).toEqual([
      'The trace lacks the return of 1 map call and of 1 unmap call, though it has that of others: the kernel has missed the probe there, or the trace ends within the call. What 2 of them did is not known: maps count as failed, unmaps as done, and no finding is certain. Record iommu:map and iommu:unmap, which tell it.',
    ]);
    expect(lost).toEqual([
      ['eventsLost', 1, 1, 10, Number.POSITIVE_INFINITY],
      ['eventsLost', 1, 1, 60, Number.POSITIVE_INFINITY],
    ]);
  });

  it('is a failed map where the tracepoint tells those that did not fail', () => {
    const { notes, lost } = calls((joined, at) => {
      joined.mapEntry(at(10), A, 0x1000, 0x1000, PAGE, 3);
      joined.mapTracepoint(at(11), 0x1000, 0x1000, PAGE);
      joined.mapReturn(at(12), 0);
      joined.mapEntry(at(20), A, 0x2000, 0x2000, PAGE, 3);
      joined.mapEntry(at(30), A, 0x3000, 0x3000, PAGE, 3);
      joined.mapReturn(at(40), -12);
    });
    expect(notes).toHaveLength(1);
    expect(lost).toEqual([]);
  });

  it('is none where returns are not probed at all, where functions contain each other, or events were lost', () => {
    const { notes, lost } = calls((joined, at) => {
      // iommu_map() and iommu_map_nosync() within it.
      joined.mapEntry(at(10), A, 0x1000, 0x1000, PAGE, 3);
      joined.mapEntry(at(11), A, 0x1000, 0x1000, PAGE, 3);
      joined.mapReturn(at(12), 0);
      joined.mapReturn(at(13), 0);
      joined.mapEntry(at(20), A, 0x2000, 0x2000, PAGE, 3);
      joined.eventsLost(30);
      joined.mapEntry(at(30), A, 0x3000, 0x3000, PAGE, 3);
      joined.mapReturn(at(40), 0);
      joined.unmapEntry(at(50), A, 0x1000, PAGE);
      joined.unmapTracepoint(at(51), 0x1000, PAGE, PAGE);
      joined.unmapEntry(at(60), A, 0x3000, PAGE);
      joined.unmapTracepoint(at(61), 0x3000, PAGE, PAGE);
    });
    expect(notes).toEqual([]);
    expect(lost).toEqual([]);
  });
});

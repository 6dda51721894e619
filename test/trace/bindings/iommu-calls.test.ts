import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROT_UNKNOWN, UNKNOWN } from '../../../src/kernel/events.ts';
import { executionContext, type Moment, newMoment } from '../../../src/kernel/moment.ts';
import { type CallEvidence, IommuCalls } from '../../../src/trace/bindings/iommu-calls.ts';
import { type Call, newRecorder } from '../../helpers/recorder.ts';

const DOMAIN = 1;
const OTHER_DOMAIN = 2;
const IOVA = 0xffff_f000;
const PHYS = 0x733_a000;
const PAGE = 0x1000;
const BLOCK = 0x20_0000;
/** `IOMMU_READ | IOMMU_WRITE` */
const PROT = 3;

const HARDIRQ = 0x08;

/** Tracepoints and probes at entry and return, none with arguments at the return. */
const EVERYTHING: CallEvidence = {
  mapOutcome: true,
  unmapOutcome: true,
  mapReturnNamesDomain: false,
  unmapReturnNamesDomain: false,
};

const RETURNS_WITH_ARGUMENTS: CallEvidence = {
  ...EVERYTHING,
  mapReturnNamesDomain: true,
  unmapReturnNamesDomain: true,
};

/** Probes at the entries only. */
const NO_OUTCOMES: CallEvidence = { ...EVERYTHING, mapOutcome: false, unmapOutcome: false };

function moment(timeNs: number, { pid = 100, cpu = 0, flags = 0, stack = 0 } = {}): Moment {
  return { ...newMoment(), timeNs, pid, cpu, stack, context: executionContext(pid, cpu, flags) };
}

/** What is told of some calls, and the time and the stack that each was told with. */
function told(
  evidence: CallEvidence,
  events: (calls: IommuCalls) => void,
): { calls: Call[]; times: (number | undefined)[]; stacks: (number | undefined)[] } {
  const { sink, calls, moments } = newRecorder();
  const joined = new IommuCalls(sink, evidence);
  events(joined);
  joined.finish();
  return { calls, times: moments.map(at => at?.timeNs), stacks: moments.map(at => at?.stack) };
}

describe('a map', () => {
  it('is told at its tracepoint, with the domain and the protection of its entry', () => {
    const { calls, times } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapTracepoint(moment(20), IOVA, PHYS, PAGE);
      joined.mapReturn(moment(30), 0);
    });
    expect(calls).toEqual([['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT]]);
    expect(times).toEqual([20]);
  });

  it('needs no return: a later return of something else adds nothing', () => {
    const { calls } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapTracepoint(moment(20), IOVA, PHYS, PAGE);
    });
    expect(calls).toEqual([['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT]]);
  });

  it('is told at its return where there is no tracepoint', () => {
    const { calls, times } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapReturn(moment(30), 0);
    });
    expect(calls).toEqual([['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT]]);
    expect(times).toEqual([30]);
  });

  it('is told at its entry where nothing says how it ended', () => {
    const { calls, times } = told(NO_OUTCOMES, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
    });
    expect(calls).toEqual([['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT]]);
    expect(times).toEqual([10]);
  });

  it('waits for its return once a return probe was seen, whose format did not say whose it is', () => {
    const { calls, times } = told(NO_OUTCOMES, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapReturn(moment(20), 0);
      joined.mapEntry(moment(30), DOMAIN, IOVA + PAGE, PHYS, PAGE, PROT);
      joined.mapReturn(moment(40), -12);
      joined.mapEntry(moment(50), DOMAIN, IOVA + PAGE, PHYS, PAGE, PROT);
      joined.mapReturn(moment(60), 0);
    });
    expect(calls.map(([, , iova]) => iova)).toEqual([IOVA, IOVA + PAGE]);
    expect(times).toEqual([10, 60]);
  });

  it('has no domain where there is only the tracepoint', () => {
    const { calls } = told(EVERYTHING, joined => joined.mapTracepoint(moment(20), IOVA, PHYS, PAGE));
    expect(calls).toEqual([['iommuMap', UNKNOWN, IOVA, PHYS, PAGE, PROT_UNKNOWN]]);
  });

  it('is told at its return where that has the arguments, and there is nothing else', () => {
    const { calls } = told(RETURNS_WITH_ARGUMENTS, joined => {
      joined.mapReturnWithArguments(moment(30), DOMAIN, IOVA, PHYS, PAGE, 0);
      joined.mapReturnWithArguments(moment(40), DOMAIN, IOVA + PAGE, PHYS, PAGE, -17);
    });
    expect(calls).toEqual([['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT_UNKNOWN]]);
  });

  it('waits at its tracepoint for the return that names its domain', () => {
    const { calls, times } = told(RETURNS_WITH_ARGUMENTS, joined => {
      joined.mapTracepoint(moment(20), IOVA, PHYS, PAGE);
      joined.mapReturnWithArguments(moment(30), DOMAIN, IOVA, PHYS, PAGE, 0);
    });
    expect(calls).toEqual([['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT_UNKNOWN]]);
    expect(times).toEqual([20]);
  });

  it('that waits in vain is told without a domain, before what comes next in its thread', () => {
    const { calls, times } = told(RETURNS_WITH_ARGUMENTS, joined => {
      joined.mapTracepoint(moment(20), IOVA, PHYS, PAGE);
      joined.mapTracepoint(moment(40), IOVA + PAGE, PHYS, PAGE);
      joined.mapReturnWithArguments(moment(50), DOMAIN, IOVA + PAGE, PHYS, PAGE, 0);
      joined.mapTracepoint(moment(60), IOVA + BLOCK, PHYS, PAGE);
    });
    expect(calls).toEqual([
      ['iommuMap', UNKNOWN, IOVA, PHYS, PAGE, PROT_UNKNOWN],
      ['iommuMap', DOMAIN, IOVA + PAGE, PHYS, PAGE, PROT_UNKNOWN],
      ['iommuMap', UNKNOWN, IOVA + BLOCK, PHYS, PAGE, PROT_UNKNOWN],
    ]);
    expect(times).toEqual([20, 40, 60]);
  });

  it('is told once where entry, tracepoint and a return with arguments are all there', () => {
    const { calls } = told(RETURNS_WITH_ARGUMENTS, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapTracepoint(moment(20), IOVA, PHYS, PAGE);
      joined.mapReturnWithArguments(moment(30), DOMAIN, IOVA, PHYS, PAGE, 0);
    });
    expect(calls).toEqual([['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT]]);
  });

  it('is told once where iommu_map() and iommu_map_nosync() in it are both probed', () => {
    for (const hasTracepoint of [true, false]) {
      const { calls } = told(RETURNS_WITH_ARGUMENTS, joined => {
        joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
        joined.mapEntry(moment(11), DOMAIN, IOVA, PHYS, PAGE, PROT);
        if (hasTracepoint) joined.mapTracepoint(moment(20), IOVA, PHYS, PAGE);
        joined.mapReturnWithArguments(moment(30), DOMAIN, IOVA, PHYS, PAGE, 0);
        joined.mapReturnWithArguments(moment(31), DOMAIN, IOVA, PHYS, PAGE, 0);
      });
      expect(calls).toEqual([['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT]]);
    }
  });

  it('has the stack of its entry where the tracepoint has none', () => {
    const { stacks } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10, { stack: 5 }), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapTracepoint(moment(20), IOVA, PHYS, PAGE);
      joined.mapReturn(moment(21), 0);
      joined.mapEntry(moment(30, { stack: 5 }), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapTracepoint(moment(40, { stack: 6 }), IOVA, PHYS, PAGE);
    });
    expect(stacks).toEqual([5, 6]);
  });

  it('does not take the domain of an entry for another IOVA', () => {
    const { calls } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapTracepoint(moment(20), IOVA + PAGE, PHYS, PAGE);
    });
    expect(calls).toEqual([['iommuMap', UNKNOWN, IOVA + PAGE, PHYS, PAGE, PROT_UNKNOWN]]);
  });

  it('does not take the domain of a map that had its tracepoint before', () => {
    const { calls } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapTracepoint(moment(20), IOVA, PHYS, PAGE);
      // The entry of this one was lost.
      joined.mapTracepoint(moment(50), IOVA, PHYS, PAGE);
    });
    expect(calls).toEqual([
      ['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT],
      ['iommuMap', UNKNOWN, IOVA, PHYS, PAGE, PROT_UNKNOWN],
    ]);
  });
});

describe('a map that fails', () => {
  it('at once made no mapping: Linux 7.2 says so with a tracepoint of 0 bytes', () => {
    const { calls } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapTracepoint(moment(20), IOVA, PHYS, 0);
      joined.unmapTracepoint(moment(25), IOVA, 0, 0);
      joined.mapReturn(moment(30), -98);
    });
    expect(calls).toEqual([]);
  });

  it('before its tracepoint made no mapping', () => {
    const { calls } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapReturn(moment(30), -22);
    });
    expect(calls).toEqual([]);
  });

  it('midway made a mapping of what it came to, and took it back', () => {
    const { calls } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, 4 * PAGE, PROT);
      joined.mapTracepoint(moment(20), IOVA, PHYS, 2 * PAGE);
      joined.unmapEntry(moment(21), DOMAIN, IOVA, 2 * PAGE);
      joined.unmapTracepoint(moment(22), IOVA, 2 * PAGE, 2 * PAGE);
      joined.mapReturn(moment(30), -12);
    });
    expect(calls).toEqual([
      ['iommuMap', DOMAIN, IOVA, PHYS, 2 * PAGE, PROT],
      ['iommuUnmapBegin', DOMAIN, IOVA, 2 * PAGE],
      ['iommuUnmapEnd', DOMAIN, IOVA, 2 * PAGE, 2 * PAGE],
    ]);
  });

  it('is told before its roll-back also where it waited for its return', () => {
    const { calls } = told(RETURNS_WITH_ARGUMENTS, joined => {
      joined.mapTracepoint(moment(20), IOVA, PHYS, 2 * PAGE);
      joined.unmapReturnWithArguments(moment(25), DOMAIN, IOVA, 2 * PAGE, 2 * PAGE);
      joined.mapReturnWithArguments(moment(30), DOMAIN, IOVA, PHYS, 4 * PAGE, -12);
    });
    expect(calls).toEqual([
      ['iommuMap', UNKNOWN, IOVA, PHYS, 2 * PAGE, PROT_UNKNOWN],
      ['iommuUnmapBegin', DOMAIN, IOVA, 2 * PAGE],
      ['iommuUnmapEnd', DOMAIN, IOVA, 2 * PAGE, 2 * PAGE],
    ]);
  });
});

describe('an unmap', () => {
  const begun: Call = ['iommuUnmapBegin', DOMAIN, IOVA, PAGE];
  const ended: Call = ['iommuUnmapEnd', DOMAIN, IOVA, PAGE, PAGE];

  it('begins at its entry and ends at its tracepoint', () => {
    const { calls, times } = told(EVERYTHING, joined => {
      joined.unmapEntry(moment(10), DOMAIN, IOVA, PAGE);
      joined.unmapTracepoint(moment(20), IOVA, PAGE, PAGE);
      joined.unmapReturn(moment(30), PAGE);
    });
    expect(calls).toEqual([begun, ended]);
    expect(times).toEqual([10, 20]);
  });

  it('ends at its return where there is no tracepoint, with what that says was unmapped', () => {
    const { calls, times } = told(EVERYTHING, joined => {
      joined.unmapEntry(moment(10), DOMAIN, IOVA, PAGE);
      joined.unmapReturn(moment(30), BLOCK);
    });
    expect(calls).toEqual([begun, ['iommuUnmapEnd', DOMAIN, IOVA, PAGE, BLOCK]]);
    expect(times).toEqual([10, 30]);
  });

  it('does all at its entry where nothing says how it ended', () => {
    const { calls, times } = told(NO_OUTCOMES, joined => joined.unmapEntry(moment(10), DOMAIN, IOVA, PAGE));
    expect(calls).toEqual([begun, ended]);
    expect(times).toEqual([10, 10]);
  });

  it('has no domain where there is only the tracepoint', () => {
    const { calls } = told(EVERYTHING, joined => joined.unmapTracepoint(moment(20), IOVA, PAGE, 0));
    expect(calls).toEqual([
      ['iommuUnmapBegin', UNKNOWN, IOVA, PAGE],
      ['iommuUnmapEnd', UNKNOWN, IOVA, PAGE, 0],
    ]);
  });

  it('waits at its tracepoint for the return that names its domain', () => {
    const { calls, times } = told(RETURNS_WITH_ARGUMENTS, joined => {
      joined.unmapTracepoint(moment(20), IOVA, PAGE, PAGE);
      joined.unmapReturnWithArguments(moment(30), DOMAIN, IOVA, PAGE, PAGE);
    });
    expect(calls).toEqual([begun, ended]);
    expect(times).toEqual([20, 20]);
  });

  it('is told at its return with arguments where that is all there is', () => {
    const { calls, times } = told(RETURNS_WITH_ARGUMENTS, joined => {
      joined.unmapReturnWithArguments(moment(30), DOMAIN, IOVA, PAGE, PAGE);
      // Twice, by a driver that does it twice.
      joined.unmapReturnWithArguments(moment(40), DOMAIN, IOVA, PAGE, 0);
    });
    expect(calls).toEqual([begun, ended, begun, ['iommuUnmapEnd', DOMAIN, IOVA, PAGE, 0]]);
    expect(times).toEqual([30, 30, 40, 40]);
  });

  it('is told once where entry, tracepoint and a return with arguments are all there', () => {
    const { calls } = told(RETURNS_WITH_ARGUMENTS, joined => {
      joined.unmapEntry(moment(10), DOMAIN, IOVA, PAGE);
      joined.unmapTracepoint(moment(20), IOVA, PAGE, PAGE);
      joined.unmapReturnWithArguments(moment(30), DOMAIN, IOVA, PAGE, PAGE);
    });
    expect(calls).toEqual([begun, ended]);
  });

  it('is told twice when it is made twice, with all of these', () => {
    const { calls } = told(RETURNS_WITH_ARGUMENTS, joined => {
      for (const [start, unmapped] of [
        [10, PAGE],
        [40, 0],
      ] as const) {
        joined.unmapEntry(moment(start), DOMAIN, IOVA, PAGE);
        joined.unmapTracepoint(moment(start + 10), IOVA, PAGE, unmapped);
        joined.unmapReturnWithArguments(moment(start + 20), DOMAIN, IOVA, PAGE, unmapped);
      }
    });
    expect(calls).toEqual([begun, ended, begun, ['iommuUnmapEnd', DOMAIN, IOVA, PAGE, 0]]);
  });

  it('is told once where iommu_unmap() and __iommu_unmap() in it are both probed', () => {
    for (const hasTracepoint of [true, false]) {
      const { calls, times } = told(EVERYTHING, joined => {
        joined.unmapEntry(moment(10), DOMAIN, IOVA, PAGE);
        joined.unmapEntry(moment(11), DOMAIN, IOVA, PAGE);
        if (hasTracepoint) joined.unmapTracepoint(moment(20), IOVA, PAGE, PAGE);
        joined.unmapReturn(moment(30), PAGE);
        joined.unmapReturn(moment(31), PAGE);
      });
      expect(calls).toEqual([begun, ended]);
      expect(times).toEqual([10, hasTracepoint ? 20 : 30]);
    }
  });

  it('is told once where both are probed at their return with arguments as well', () => {
    const { calls } = told(RETURNS_WITH_ARGUMENTS, joined => {
      joined.unmapEntry(moment(10), DOMAIN, IOVA, PAGE);
      joined.unmapEntry(moment(11), DOMAIN, IOVA, PAGE);
      joined.unmapReturnWithArguments(moment(30), DOMAIN, IOVA, PAGE, PAGE);
      joined.unmapReturnWithArguments(moment(31), DOMAIN, IOVA, PAGE, PAGE);
    });
    expect(calls).toEqual([begun, ended]);
  });

  it('whose tracepoint was lost did what it was asked: told before the next unmap of its thread', () => {
    const { calls, times } = told(EVERYTHING, joined => {
      joined.unmapEntry(moment(10), DOMAIN, IOVA, PAGE);
      joined.unmapEntry(moment(50), OTHER_DOMAIN, IOVA, BLOCK);
      joined.unmapTracepoint(moment(60), IOVA, BLOCK, BLOCK);
    });
    expect(calls).toEqual([
      begun,
      ended,
      ['iommuUnmapBegin', OTHER_DOMAIN, IOVA, BLOCK],
      ['iommuUnmapEnd', OTHER_DOMAIN, IOVA, BLOCK, BLOCK],
    ]);
    expect(times).toEqual([10, 10, 50, 60]);
  });

  it('that the end of the trace cuts in two did what it was asked', () => {
    const { calls } = told(EVERYTHING, joined => joined.unmapEntry(moment(10), DOMAIN, IOVA, PAGE));
    expect(calls).toEqual([begun, ended]);
  });

  it('does not end with a tracepoint of another one', () => {
    const { calls } = told(EVERYTHING, joined => {
      joined.unmapEntry(moment(10), DOMAIN, IOVA, PAGE);
      joined.unmapTracepoint(moment(20), IOVA, BLOCK, BLOCK);
    });
    expect(calls).toEqual([
      begun,
      ['iommuUnmapBegin', UNKNOWN, IOVA, BLOCK],
      ['iommuUnmapEnd', UNKNOWN, IOVA, BLOCK, BLOCK],
      ended,
    ]);
  });
});

describe('the thread of execution', () => {
  it('of an interrupt is its own: it may map between entry and tracepoint of the task it interrupts', () => {
    const irq = { flags: HARDIRQ };
    const { calls } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapEntry(moment(11, irq), OTHER_DOMAIN, IOVA, PHYS + PAGE, PAGE, PROT);
      joined.mapTracepoint(moment(12, irq), IOVA, PHYS + PAGE, PAGE);
      joined.mapReturn(moment(13, irq), 0);
      joined.mapTracepoint(moment(20), IOVA, PHYS, PAGE);
      joined.mapReturn(moment(30), 0);
    });
    expect(calls).toEqual([
      ['iommuMap', OTHER_DOMAIN, IOVA, PHYS + PAGE, PAGE, PROT],
      ['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT],
    ]);
  });

  it('of a task is the task, also where another one runs on its CPU meanwhile', () => {
    const [first, second] = [{ pid: 100 }, { pid: 200 }];
    const { calls } = told(EVERYTHING, joined => {
      joined.unmapEntry(moment(10, first), DOMAIN, IOVA, PAGE);
      joined.unmapEntry(moment(11, second), OTHER_DOMAIN, IOVA, PAGE);
      joined.unmapTracepoint(moment(12, second), IOVA, PAGE, 0);
      joined.unmapTracepoint(moment(20, first), IOVA, PAGE, PAGE);
    });
    expect(calls).toEqual([
      ['iommuUnmapBegin', DOMAIN, IOVA, PAGE],
      ['iommuUnmapBegin', OTHER_DOMAIN, IOVA, PAGE],
      ['iommuUnmapEnd', OTHER_DOMAIN, IOVA, PAGE, 0],
      ['iommuUnmapEnd', DOMAIN, IOVA, PAGE, PAGE],
    ]);
  });

  it('of a task goes with it to another CPU', () => {
    const { calls } = told(EVERYTHING, joined => {
      joined.mapEntry(moment(10, { cpu: 0 }), DOMAIN, IOVA, PHYS, PAGE, PROT);
      joined.mapTracepoint(moment(20, { cpu: 1 }), IOVA, PHYS, PAGE);
    });
    expect(calls).toEqual([['iommuMap', DOMAIN, IOVA, PHYS, PAGE, PROT]]);
  });

  it('of the idle task and of interrupts is that of their CPU', () => {
    for (const maker of [{ pid: 0 }, { flags: HARDIRQ }]) {
      const { calls } = told(EVERYTHING, joined => {
        joined.mapEntry(moment(10, { ...maker, cpu: 0 }), DOMAIN, IOVA, PHYS, PAGE, PROT);
        joined.mapTracepoint(moment(20, { ...maker, cpu: 1 }), IOVA, PHYS, PAGE);
      });
      expect(calls).toEqual([['iommuMap', UNKNOWN, IOVA, PHYS, PAGE, PROT_UNKNOWN]]);
    }
  });
});

describe('whatever is recorded of a call', () => {
  /** Which events of a function there are. */
  interface Recorded {
    readonly entry: boolean;
    readonly tracepoint: boolean;
    readonly end: 'none' | 'result' | 'arguments';
  }

  interface MapCall {
    readonly kind: 'map';
    readonly domain: number;
    readonly iova: number;
    readonly pages: number;
    /** Fewer than `pages` for a call that fails. */
    readonly mapped: number;
  }

  interface UnmapCall {
    readonly kind: 'unmap';
    readonly domain: number;
    readonly iova: number;
    readonly pages: number;
    readonly unmapped: number;
  }

  type KernelCall = MapCall | UnmapCall;

  /** Enough to know of a call and of how it ended. */
  const recorded = fc
    .record<Recorded>({
      entry: fc.boolean(),
      tracepoint: fc.boolean(),
      end: fc.constantFrom('none', 'result', 'arguments'),
    })
    .filter(({ entry, tracepoint, end }) => tracepoint || end === 'arguments' || (entry && end === 'result'));

  const iovas = fc.constantFrom(0x1000, 0x2000, 0x10_0000);
  const kernelCalls: fc.Arbitrary<KernelCall> = fc.oneof(
    fc
      .record({
        domain: fc.constantFrom(1, 2),
        iova: iovas,
        pages: fc.integer({ min: 2, max: 4 }),
        short: fc.nat(4),
      })
      .map(({ short, ...call }): MapCall => ({ kind: 'map', ...call, mapped: short === 1 ? 1 : call.pages })),
    fc
      .record({
        domain: fc.constantFrom(1, 2),
        iova: iovas,
        pages: fc.integer({ min: 1, max: 4 }),
        unmapped: fc.nat(5),
      })
      .map((call): UnmapCall => ({ kind: 'unmap', ...call })),
  );

  it('each call is told once, in order, with what is known of it', () => {
    const threads = fc.array(fc.array(kernelCalls, { maxLength: 6 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(recorded, recorded, threads, fc.infiniteStream(fc.nat(2)), (map, unmap, lists, order) => {
        // Of a map that failed midway nothing is known without the tracepoint, but its roll-back is seen.
        if (!map.tracepoint)
          lists = lists.map(list => list.filter(call => call.kind === 'unmap' || call.mapped === call.pages));
        const { sink, calls, moments } = newRecorder();
        const joined = new IommuCalls(sink, {
          mapOutcome: map.tracepoint || map.end !== 'none',
          unmapOutcome: unmap.tracepoint || unmap.end !== 'none',
          mapReturnNamesDomain: map.end === 'arguments',
          unmapReturnNamesDomain: unmap.end === 'arguments',
        });
        const steps = lists.map((list, i) =>
          list.flatMap(call => eventsOf(call, map, unmap, joined, 100 + i)),
        );
        let timeNs = 0;
        while (steps.some(({ length }) => length > 0)) {
          const thread = steps[order.next().value % steps.length];
          thread?.shift()?.(++timeNs);
        }
        joined.finish();
        for (const [i, list] of lists.entries()) {
          const mine = calls.filter((_, at) => moments[at]?.pid === 100 + i);
          expect(mine).toEqual(list.flatMap(call => expectedOf(call, map, unmap)));
        }
      }),
      { numRuns: 300 },
    );
  });

  type Step = (timeNs: number) => void;

  /** What the kernel emits of a call, as far as it is recorded. */
  function eventsOf(
    call: KernelCall,
    map: Recorded,
    unmap: Recorded,
    joined: IommuCalls,
    pid: number,
  ): Step[] {
    const at = (timeNs: number): Moment => moment(timeNs, { pid });
    const { domain, iova } = call;
    const size = call.pages * PAGE;
    const steps: Step[] = [];
    if (call.kind === 'unmap') {
      const unmapped = call.unmapped * PAGE;
      if (unmap.entry) steps.push(now => joined.unmapEntry(at(now), domain, iova, size));
      if (unmap.tracepoint) steps.push(now => joined.unmapTracepoint(at(now), iova, size, unmapped));
      if (unmap.end === 'result') steps.push(now => joined.unmapReturn(at(now), unmapped));
      if (unmap.end === 'arguments') {
        steps.push(now => joined.unmapReturnWithArguments(at(now), domain, iova, size, unmapped));
      }
      return steps;
    }
    const result = call.mapped === call.pages ? 0 : -12;
    if (map.entry) steps.push(now => joined.mapEntry(at(now), domain, iova, PHYS, size, PROT));
    if (map.tracepoint) steps.push(now => joined.mapTracepoint(at(now), iova, PHYS, call.mapped * PAGE));
    if (result !== 0) steps.push(...eventsOf(rollBack(call), map, unmap, joined, pid));
    if (map.end === 'result') steps.push(now => joined.mapReturn(at(now), result));
    if (map.end === 'arguments') {
      steps.push(now => joined.mapReturnWithArguments(at(now), domain, iova, PHYS, size, result));
    }
    return steps;
  }

  function rollBack({ domain, iova, mapped }: MapCall): UnmapCall {
    return { kind: 'unmap', domain, iova, pages: mapped, unmapped: mapped };
  }

  function expectedOf(call: KernelCall, map: Recorded, unmap: Recorded): Call[] {
    const { iova } = call;
    if (call.kind === 'unmap') {
      const domain = unmap.entry || unmap.end === 'arguments' ? call.domain : UNKNOWN;
      return [
        ['iommuUnmapBegin', domain, iova, call.pages * PAGE],
        ['iommuUnmapEnd', domain, iova, call.pages * PAGE, call.unmapped * PAGE],
      ];
    }
    const failed = call.mapped !== call.pages;
    // The roll-back comes before the return that would name the domain.
    const domain = map.entry || (map.end === 'arguments' && !failed) ? call.domain : UNKNOWN;
    const prot = map.entry ? PROT : PROT_UNKNOWN;
    const made: Call = ['iommuMap', domain, iova, PHYS, call.mapped * PAGE, prot];
    return failed ? [made, ...expectedOf(rollBack(call), map, unmap)] : [made];
  }
});

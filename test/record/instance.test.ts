import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dryRunTracefs } from '../../src/record/dry-run.ts';
import { type Instance, type InstanceOptions, setUpInstance } from '../../src/record/instance.ts';
import { readKernelOffer } from '../../src/record/kernel-offer.ts';
import { findLeftovers, removeLeftover } from '../../src/record/leftovers.ts';
import { type Plan, planRecording } from '../../src/record/plan.ts';
import { RecordError } from '../../src/record/record-error.ts';
import { UndoList } from '../../src/record/undo.ts';
import { FakeTracefs, LINUX_6_1, LINUX_7_2 } from '../helpers/fake-tracefs.ts';

const OPTIONS: InstanceOptions = { name: 'iommusan-7', bufferKib: 4096, clock: 'mono', devices: [] };

function planFor(tracefs: FakeTracefs): Plan {
  const offer = readKernelOffer(tracefs, { architecture: 'x86_64', iommus: [] });
  return planRecording(offer, { preset: 'default', group: 'iommusan_7' });
}

function setUp(tracefs: FakeTracefs, undo: UndoList, options: Partial<InstanceOptions> = {}): Instance {
  return setUpInstance(tracefs, undo, planFor(tracefs), { ...OPTIONS, ...options });
}

describe('an instance', () => {
  it.each([LINUX_6_1, LINUX_7_2])('is set up and taken away without a trace', kernel => {
    const tracefs = new FakeTracefs(kernel);
    const before = tracefs.state();
    const undo = new UndoList();
    const { events } = setUp(tracefs, undo);
    expect(events.length).toBeGreaterThan(10);
    expect(tracefs.read('instances/iommusan-7/events/kmem/mm_page_free/trigger')).toBe('stacktrace');
    expect(undo.run()).toEqual([]);
    expect(tracefs.state()).toEqual(before);
  });

  it('is taken away whole wherever setting it up is broken off', () => {
    const steps = ((): number => {
      const tracefs = new FakeTracefs(LINUX_6_1);
      setUp(tracefs, new UndoList());
      return tracefs.changes.length;
    })();
    fc.assert(
      fc.property(fc.nat(steps - 1), failing => {
        const tracefs = new FakeTracefs(LINUX_6_1);
        const before = tracefs.state();
        const undo = new UndoList();
        let step = 0;
        tracefs.onChange = () => {
          if (step++ === failing) throw new TypeError('the process ends here');
        };
        try {
          setUp(tracefs, undo);
        } catch {
          // Whatever it was.
        }
        expect(undo.run()).toEqual([]);
        expect(tracefs.state()).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });

  it('touches nothing but itself and its own probes', () => {
    const tracefs = new FakeTracefs(LINUX_7_2);
    tracefs.write('dynamic_events', 'p:theirs/probe really_probe\n');
    tracefs.changes.length = 0;
    const undo = new UndoList();
    setUp(tracefs, undo);
    undo.run();
    for (const change of tracefs.changes) {
      expect(change).toMatch(
        /^(?:(?:write|mkdir|rmdir) instances\/iommusan-7\b|write dynamic_events (?:f|p|r|-):iommusan_7\/)/,
      );
    }
    expect(tracefs.read('dynamic_events')).toBe('p:theirs/probe really_probe\n');
  });

  it('takes the next best probe where the kernel refuses the first, and says what it cannot have', () => {
    const tracefs = new FakeTracefs({ ...LINUX_6_1, refuses: ['__iommu_unmap', 'really_probe'] });
    const { events, missing } = setUp(tracefs, new UndoList());
    expect(events.map(({ event }) => event)).toContain('unmap_fast');
    expect(missing).toContainEqual(
      expect.objectContaining({
        fact: expect.objectContaining({ id: 'driver-bind' }),
        reason: 'the kernel refuses it (EINVAL)',
      }),
    );
  });

  it('filters the events that name a device', () => {
    const tracefs = new FakeTracefs(LINUX_7_2);
    setUp(tracefs, new UndoList(), { devices: ['0000:00:04.0', '0000:01:00.0'] });
    const folder = 'instances/iommusan-7/events';
    expect(tracefs.read(`${folder}/iommusan_7/bind/filter`)).toBe(
      'dev == "0000:00:04.0" || dev == "0000:01:00.0"',
    );
    expect(tracefs.read(`${folder}/dma/dma_map_phys/filter`)).toContain('device == "0000:00:04.0"');
    expect(tracefs.read(`${folder}/kmem/mm_page_free/filter`)).toBe('0');
  });

  it('says in one sentence that the kernel has no memory for the buffers', () => {
    const tracefs = new FakeTracefs(LINUX_6_1);
    tracefs.onChange = line => {
      if (line.includes('buffer_size_kb')) throw Object.assign(new Error(), { code: 'ENOMEM' });
    };
    expect(() => setUp(tracefs, new UndoList())).toThrow(RecordError);
  });
});

describe('undoing', () => {
  it('goes on where a step fails, and tells of it', () => {
    const undone: string[] = [];
    const undo = new UndoList();
    undo.add('first', () => void undone.push('first'));
    undo.add('second', () => {
      throw new Error('busy');
    });
    undo.add('third', () => void undone.push('third'));
    expect(undo.run()).toEqual(['second: busy']);
    expect(undone).toEqual(['third', 'first']);
    expect(undo.run()).toEqual([]);
  });
});

describe('what a killed recording has left', () => {
  it('is found and removed, and nothing of anybody else', () => {
    const tracefs = new FakeTracefs(LINUX_6_1);
    tracefs.write('dynamic_events', 'p:theirs/probe really_probe\n');
    tracefs.makeDirectory('instances/somebody');
    const before = tracefs.state();
    setUp(tracefs, new UndoList());
    expect(findLeftovers(tracefs, pid => pid === 7)).toEqual([]);
    const leftovers = findLeftovers(tracefs, () => false);
    expect(leftovers).toEqual([
      {
        pid: 7,
        instance: 'iommusan-7',
        probes: expect.arrayContaining(['iommusan_7/map', 'iommusan_7/bind']),
      },
    ]);
    for (const leftover of leftovers) removeLeftover(tracefs, leftover);
    expect(tracefs.state()).toEqual(before);
  });
});

describe('a dry run', () => {
  it('prints each change as a shell command, and makes none', () => {
    const tracefs = new FakeTracefs(LINUX_6_1);
    const lines: string[] = [];
    const undo = new UndoList();
    setUpInstance(
      dryRunTracefs(tracefs, line => void lines.push(line)),
      undo,
      planFor(tracefs),
      OPTIONS,
    );
    undo.run();
    expect(tracefs.changes).toEqual([]);
    expect(lines).toContain('mkdir /sys/kernel/tracing/instances/iommusan-7');
    expect(lines).toContain(
      "echo 'p:iommusan_7/unbind device_unbind_cleanup dev=+0(+0($arg1)):string' >> /sys/kernel/tracing/dynamic_events",
    );
    expect(lines.at(-1)).toBe('echo -:iommusan_7/map >> /sys/kernel/tracing/dynamic_events');
  });
});

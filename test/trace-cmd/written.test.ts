import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TraceSource } from '../../src/trace/trace-source.ts';
import { EventType } from '../helpers/event-type.ts';
import { PAGE_FREE } from '../helpers/kernel-events.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { type Happening, recordingOf } from '../helpers/recording.ts';
import { MACHINES, SubBuffer } from '../helpers/ring-buffer.ts';
import { hasTraceCmd, traceCmdReport } from '../helpers/trace-cmd.ts';
import { type Form, type Recording, writeTraceFile } from '../helpers/trace-file.ts';

const installed = hasTraceCmd();
const files = temporaryFiles();

/** A record too long for the length that an event header can hold. */
const LARGE = new EventType('test', 'large', 700, [
  ['unsigned long pfn', 8],
  ['char text[400]', 400],
]);

const FORMS: readonly (readonly [string, Form])[] = [
  ['version 6', { version: 6 }],
  ['version 7', { version: 7 }],
];

// Needs Debian's trace-cmd, which CI installs; without it the title of the suite says that it was skipped.
describe.skipIf(!installed)(
  `trace-cmd reads the files that the unit tests write as we do${installed ? '' : ' (skipped: trace-cmd is not installed)'}`,
  () => {
    it.each(MACHINES)('with discarded events and absolute time stamps, from %s', async (_, machine) => {
      const steps = fc.array(
        fc.record({
          kind: fc.constantFrom('event', 'extend', 'stamp', 'discarded'),
          delta: fc.integer({ min: 2, max: 2 ** 27 - 1 }),
          size: fc.integer({ min: 8, max: 200 }),
        }),
        { minLength: 1, maxLength: 20 },
      );
      await fc.assert(
        fc.asyncProperty(steps, async list => {
          const page = new SubBuffer(machine, 1_000_000_000).event(0, PAGE_FREE.record(machine, { pfn: 1 }));
          let clock = 1_000_000_000;
          for (const { kind, delta, size } of list) {
            clock += delta;
            if (kind === 'extend') page.timeExtend(delta);
            else if (kind === 'stamp') page.timeStamp(clock);
            else if (kind === 'discarded') page.discarded(delta, size);
            else page.event(delta, PAGE_FREE.record(machine, { pfn: 1 }));
          }
          const recording: Recording = {
            machine,
            formats: [PAGE_FREE],
            buffers: [{ name: '', cpus: [{ cpu: 0, subBuffers: [page.padding().close()] }] }],
          };
          const path = files.write('b.dat', writeTraceFile(recording, { version: 7 }).bytes);
          const read = await readEvents(path);
          expect(read.events).toHaveLength(1 + list.filter(({ kind }) => kind === 'event').length);
          const report = traceCmdReport(path);
          expect(report.events.map(({ timeNs, cpu, pid, name }) => ({ timeNs, cpu, pid, name }))).toEqual(
            read.events,
          );
        }),
        { numRuns: 30 },
      );
    });

    describe.each(FORMS)('%s', (_, form) => {
      it.each(MACHINES)('from %s', async (_, machine) => {
        const steps = fc.array(
          fc.record({
            delta: fc.oneof(fc.nat(1000), fc.nat(2 ** 27), fc.nat(2 ** 36)),
            cpu: fc.nat(2),
            large: fc.boolean(),
            missed: fc.option(fc.oneof(fc.integer({ min: 1, max: 1e6 }), fc.constant('uncounted' as const)), {
              nil: undefined,
              freq: 20,
            }),
          }),
          { minLength: 1, maxLength: 100 },
        );
        await fc.assert(
          fc.asyncProperty(steps, async list => {
            let timeNs = 1_000_000_000;
            const events = list.map(({ delta, cpu, large, missed }, i): Happening => {
              timeNs += delta;
              const type = large ? LARGE : PAGE_FREE;
              return {
                timeNs,
                cpu,
                type,
                pid: i + 1,
                values: { pfn: i },
                ...(missed !== undefined && { missed }),
              };
            });
            const { bytes } = writeTraceFile(recordingOf(events, { machine }), form);
            const path = files.write('a.dat', bytes);
            const report = traceCmdReport(path);
            const read = await readEvents(path);
            const expected = events.map(({ timeNs, cpu = 0, type, pid }) => ({
              timeNs,
              cpu,
              pid,
              name: type.name,
            }));
            expect(read.events).toEqual(expected.sort((a, b) => a.timeNs - b.timeNs || a.cpu - b.cpu));
            expect(report.events.map(({ timeNs, cpu, pid, name }) => ({ timeNs, cpu, pid, name }))).toEqual(
              read.events,
            );
            expect([...report.losses].sort(byCpu)).toEqual(read.losses.sort(byCpu));
          }),
          { numRuns: 30 },
        );
      });
    });
  },
);

interface Loss {
  readonly cpu: number;
  readonly count: number;
}

async function readEvents(path: string): Promise<{ events: unknown[]; losses: Loss[] }> {
  const source = await TraceSource.open(path);
  const events: unknown[] = [];
  const losses: Loss[] = [];
  source.walk(
    id => {
      const name = source.format(id)?.name;
      return ({ timeNs, cpu, pid }) => events.push({ timeNs, cpu, pid, name });
    },
    { eventsLost: (cpu, count) => losses.push({ cpu, count }) },
  );
  source.close();
  return { events, losses };
}

function byCpu(a: Loss, b: Loss): number {
  return a.cpu - b.cpu;
}

import { describe, expect, it } from 'vitest';
import { checkTrace } from '../src/check-trace.ts';
import type { KernelEvents } from '../src/kernel/events.ts';
import { logClock } from '../src/log-clock.ts';
import { parseDmesg } from '../src/trace/kernel-log/dmesg.ts';
import { TraceSource } from '../src/trace/trace-source.ts';
import { KernelRecorder } from '../src/trace/write/kernel-recorder.ts';
import { temporaryFiles } from './helpers/play.ts';
import { fixture } from './helpers/traces.ts';

const files = temporaryFiles();
const FAULT_TRACE = fixture('stock-kernel/fault.dat');
/** What the kernel of that recording printed, by its own clock. */
const DMESG = `[    8.557706] DMAR: DRHD: handling fault status reg 2
[    8.558969] DMAR: [DMA Write NO_PASID] Request device [0000:00:04.0] fault addr 0xffff000 [fault reason 0x05] PTE Write access is not set
[    8.774320] dmabugs: fault: end
`;
const SECOND = 1e9;

function log(name: string, text: string): string {
  return files.write(name, Buffer.from(text));
}

/** The recording without the lines that the kernel logged. */
async function withoutLog(clock = '[mono]'): Promise<string> {
  const path = files.path(`without-log-${clock.replace(/\W/g, '')}.dat`);
  const source = await TraceSource.open(FAULT_TRACE);
  const recorder = await KernelRecorder.create(path, source.names, { pageSize: 4096, traceClock: clock });
  const events: KernelEvents = { ...recorder.events, ioPageFault: () => undefined };
  source.run(events);
  recorder.finish(source.capabilities);
  source.close();
  return path;
}

describe('a log beside a trace', () => {
  it('explains a fault that the trace does not tell', async () => {
    const trace = await withoutLog();
    expect((await checkTrace(trace)).findings).toEqual([]);
    const { findings, notes } = await checkTrace(trace, { dmesg: log('dmesg', DMESG) });
    expect(findings).toMatchObject([
      {
        rule: 'fault-after-unmap',
        // Further away than the clocks can differ.
        certainty: 'certain',
        title: '0000:00:04.0 (dmabugs) wrote to IOVA 0xffff000 1.6 s after it was unmapped',
        driver: 'dmabugs',
      },
    ]);
    const fired = findings[0]?.story[findings[0].firedAt];
    expect(fired).toMatchObject({ role: 'fault', cpu: -1, location: { line: 2, offset: 55 } });
    expect(notes.join()).toContain('has another clock than the trace (mono)');
  });

  it('adds nothing where the trace has the same lines', async () => {
    const { findings, notes } = await checkTrace(FAULT_TRACE, { dmesg: log('dmesg', DMESG) });
    expect(findings).toMatchObject([{ rule: 'fault-after-unmap', count: 1, echoes: 0 }]);
    expect(notes.join()).not.toContain('another clock');
  });

  it('is possible where the order depends on the clocks, or no time is told', async () => {
    const trace = await withoutLog();
    const soon = DMESG.replace('8.558969', '7.400000');
    const near = await checkTrace(trace, { dmesg: log('soon', soon) });
    expect(near.findings).toMatchObject([{ certainty: 'possible', facts: [{}, { name: 'Clock' }] }]);
    const timeless = await checkTrace(trace, { dmesg: log('timeless', DMESG.replace(/^\[.*?\] /gm, '')) });
    expect(timeless.findings).toMatchObject([{ certainty: 'possible' }]);
  });

  it('is not matched behind the end of the trace, or for a device that is not in it', async () => {
    const trace = await withoutLog();
    const late = await checkTrace(trace, { dmesg: log('late', DMESG.replace('8.558969', '99.000000')) });
    expect(late.findings).toEqual([]);
    const other = await checkTrace(trace, { dmesg: log('other', DMESG.replace('00:04.0', '00:05.0')) });
    expect(other.findings).toEqual([]);
  });

  it('without a fault is said to have none', async () => {
    const { findings, notes } = await checkTrace(FAULT_TRACE, { dmesg: log('quiet', '[ 1.000000] hello\n') });
    expect(findings).toHaveLength(1);
    expect(notes.join()).toContain('quiet tells of no IOMMU fault');
  });
});

describe('the clock of a log', () => {
  const dmesg = (text: string) => parseDmesg('log', Buffer.from(text));

  it('is known from lines that both have once', () => {
    const lines = [
      { timeNs: 10 * SECOND, text: 'one' },
      { timeNs: 11.5 * SECOND, text: 'two' },
      { timeNs: 12 * SECOND, text: 'twice' },
      { timeNs: 13 * SECOND, text: 'twice' },
    ];
    const clock = logClock(dmesg('[ 7.000000] one\n[ 8.500002] two\n[ 9.000000] twice\n'), lines, 'boot');
    expect(clock).toMatchObject({ offsetNs: 3 * SECOND, note: undefined });
    expect(clock.slackNs(0)).toBe(2000);
    expect([...clock.shared]).toEqual([1, 2, 3]);
  });

  it.each<[string, number]>([
    ['mono', 1.1 * SECOND],
    ['boot', 1.1 * SECOND],
    ['local', 10e6],
    ['counter', Number.POSITIVE_INFINITY],
  ])('is bounded by what the clock of the trace is: %s', (name, slack) => {
    expect(logClock(dmesg('[ 7.000000] one\n'), [], name).slackNs(200 * SECOND)).toBeCloseTo(slack, -1);
  });
});

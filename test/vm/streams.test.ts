import { rmSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { traceCmdReport } from '../helpers/trace-cmd.ts';
import { debian12 } from './lab/debian-12.ts';
import { missedByProbes } from './lab/driver-expectations.ts';
import { DEBIAN_12 } from './lab/setups.ts';
import { play, type Stage } from './lab/stage.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await debian12('streams');
}, 1_300_000);

/** The fields of all records of a file, by CPU and event, as trace-cmd reads them. */
function recordsOf(path: string): Map<string, string[]> {
  const records = new Map<string, string[]>();
  for (const { cpu, name, fields } of traceCmdReport(path).events) {
    const key = `${name} on CPU ${cpu}`;
    const known = records.get(key);
    if (known) known.push(fields);
    else records.set(key, [fields]);
  }
  return records;
}

/** Whether `whole` has each record of `part` at least as often, in whatever order. */
function includes(whole: readonly string[], part: readonly string[]): boolean {
  const left = new Map<string, number>();
  for (const record of whole) left.set(record, (left.get(record) ?? 0) + 1);
  for (const record of part) left.set(record, (left.get(record) ?? 0) - 1);
  return [...left.values()].every(count => count >= 0);
}

describe('the recorded events', () => {
  it('are those that trace-cmd records in a second instance of the same boot, and it reads both', () => {
    expect(stage.step('equal').status).toBe(0);
    const ours = recordsOf(stage.path('first.dat'));
    const theirs = recordsOf(stage.path('second.dat'));
    expect(new Set([...theirs.keys()].map(key => key.split(' ')[0]))).toEqual(
      new Set(['map', 'unmap', 'domain_free', 'mm_page_alloc', 'mm_page_free', 'kernel_stack']),
    );
    // iommusan began before and ended after. An interrupt may come between the writes of one event to the two instances
    // and make its own there: two records may change places.
    const differing = [...theirs].filter(([key, records]) => !includes(ours.get(key) ?? [], records));
    expect([...theirs.values()].flat().length).toBeGreaterThan(10_000);
    expect(differing.map(([key, records]) => `${records.length} ${key}`)).toEqual([]);
  });

  it('are those of one device, where they name one, and all others', () => {
    expect(stage.step('device').status).toBe(0);
    const records = recordsOf(stage.path('device.dat'));
    const of = (event: string): string[] =>
      [...records].flatMap(([key, fields]) => (key.startsWith(`${event} `) ? fields : []));
    const edu = stage.text('edu').trim();
    const begun = of('dma_map');
    expect(begun.length).toBeGreaterThan(0);
    expect(begun.filter(fields => !fields.includes(edu))).toEqual([]);
    // The disks and the network card have mapped as well.
    expect(of('map').length).toBeGreaterThan(
      begun.length + of('dma_map_sg').length + of('dma_alloc').length + 100,
    );
  });

  it('are all there after a minute of nothing but mappings, or the loss is told', async () => {
    const { output, status } = stage.step('heavy');
    expect([output, status]).toEqual([
      expect.stringMatching(/: [\d,]+ events, [\d.]+ MB, [\d,]+ lost, \d+ s\./),
      0,
    ]);
    process.stdout.write(`${output.split('\n')[0]} ${stage.text('heavy.rounds').trim()}\n`);
    const [events = 0, lost = 0] = Array.from(
      output.matchAll(/([\d,]+) (?:events|lost)/g),
      ([, count = '']) => Number(count.replaceAll(',', '')),
    );
    const rounds = Number(/(\d+) rounds/.exec(stage.text('heavy.rounds'))?.[1]);
    const report = await stage.check('heavy.dat');
    rmSync(stage.path('heavy.dat'));
    expect(report.lost.events - missedByProbes(report)).toBe(lost);
    expect(report.trace.events).toBe(events);
    // A round allocates a page, maps it, unmaps it and frees it.
    if (lost === 0)
      expect(report.accounting.mappingsMade).toBeGreaterThanOrEqual(rounds - missedByProbes(report));
    expect(report.findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
  }, 300_000);
});

describe('a live check', () => {
  it('tells of a bug while it watches', () => {
    expect(stage.text('live.meanwhile')).toMatch(/ERROR: free-while-mapped: page 0x\w+ freed while/);
    expect(stage.text('live.meanwhile')).toContain('free_while_mapped+');
  });

  it('serves its state as metrics', () => {
    const metrics = stage.text('live.metrics');
    expect(metrics).toMatch(/^iommusan_events_total \d{3,}$/m);
    expect(metrics).toContain(`iommusan_mappings{device="${stage.text('edu').trim()}",driver="lifetime"}`);
    expect(metrics).toContain('iommusan_findings_total{rule="free-while-mapped"} 1');
  });

  it('tells of the leak when the driver has left, ends with SIGINT and leaves nothing behind', () => {
    const step = stage.step('live');
    expect(stage.text('live.findings')).toMatch(/ERROR: unbind-leak: .* unbound with 1 live mapping/);
    expect(step.status).toBe(1);
    expect(step.after).toBe(step.before);
  });
});

describe('a recording from boot on', () => {
  let boot: Stage;

  beforeAll(async () => {
    // A kernel may miss making the files of a probe at boot, and says so when collected: see collectFromBoot().
    for (let tries = 0; tries < 4; tries++) {
      boot = await play(DEBIAN_12, 'collect', 300_000, stage.text('from-boot').trim());
      if (!boot.step('collect').output.includes('not readable')) return;
    }
  }, 600_000);

  it('is started by the kernel command line that was printed, and collected', async () => {
    expect(boot.step('collect').output).toMatch(/: [\d,]+ events since boot/);
    const report = await boot.check('boot.dat');
    expect(report.trace.capabilities).toMatchObject({ hasDomains: true, hasDevices: true });
    // The drivers of the disks map when they start.
    expect(report.accounting.mappingsMade).toBeGreaterThan(20);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ rule: 'free-while-mapped', driver: 'lifetime' }),
    );
  });

  it('has ended then: its probes and events are gone', () => {
    const { after } = boot.step('collect');
    expect(after).toContain('== dynamic_events\n== kprobe_events\n== set_event\n== set_event_pid');
    expect(boot.step('nothing')).toMatchObject({ status: 3 });
    expect(boot.step('nothing').output).toContain('this boot has not recorded');
  });
});

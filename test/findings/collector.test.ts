import { describe, expect, it } from 'vitest';
import { FindingCollector, type Incident, type Rule, type Severity } from '../../src/findings/index.ts';
import { newMoment } from '../../src/kernel/moment.ts';
import type { SourceNames, StackFrame } from '../../src/kernel/source.ts';

const STACKS: Readonly<Record<number, readonly StackFrame[]>> = {
  1: [
    { address: '0x1', symbol: '__free_pages' },
    { address: '0x2', symbol: 'close', module: 'e1000e' },
  ],
  2: [{ address: '0x3', symbol: 'iommu_map' }],
  3: [
    { address: '0x4', symbol: 'fprobe_handler', module: 'fprobe_sample' },
    { address: '0x5', symbol: 'open', module: 'nvme' },
  ],
  // The functions of stack 2, in another place.
  4: [{ address: '0x9', symbol: 'iommu_map' }],
};

const names: SourceNames = {
  device: () => undefined,
  driver: () => undefined,
  domain: () => undefined,
  pool: () => undefined,
  task: pid => `task ${pid}`,
  stack: id => STACKS[id] ?? [],
  locate: position => (position < 0 ? undefined : { file: 'trace.dat', offset: position }),
};

function ruleOf(severity: Severity, id = `a-${severity}`): Rule {
  return { id, severity, title: '', needs: [], advice: ['Look.'] };
}

function at(timeNs: number, more: Partial<ReturnType<typeof newMoment>> = {}) {
  return { ...newMoment(), timeNs, ...more };
}

function incident(timeNs: number, more: Partial<Incident> = {}): Incident {
  return {
    rule: ruleOf('error'),
    certainty: 'certain',
    title: `at ${timeNs}`,
    fired: { role: 'freed', at: at(timeNs) },
    others: [],
    signatureStacks: [1],
    pages: 1,
    ...more,
  };
}

describe('the collector', () => {
  it('makes one finding of all occurrences of one bug, and tells the first', () => {
    const collector = new FindingCollector(names);
    collector.report(incident(10, { pages: 3, device: 'one' }));
    collector.report(incident(30, { pages: 4, device: 'two' }));
    collector.report(incident(20));
    expect(collector.findings(99)).toEqual([
      {
        rule: 'a-error',
        severity: 'error',
        certainty: 'certain',
        title: 'at 10',
        signature: expect.stringMatching(/^[0-9a-f]{16}$/),
        count: 3,
        pages: 8,
        echoes: 0,
        firstNs: 10,
        lastNs: 30,
        device: 'one',
        driver: 'e1000e',
        otherMappings: [],
        facts: [],
        story: [{ role: 'freed', timeNs: 10, cpu: 0, pid: 0, task: 'task 0', stack: [] }],
        firedAt: 0,
        advice: ['Look.'],
      },
    ]);
  });

  it('tells bugs apart by rule, driver and the functions in the stacks, not by the numbers of the stacks', () => {
    const collector = new FindingCollector(names);
    collector.report(incident(1, { signatureStacks: [2] }));
    collector.report(incident(2, { signatureStacks: [4] }));
    collector.report(incident(3, { signatureStacks: [2, 1] }));
    collector.report(incident(4, { signatureStacks: [1, 2] }));
    collector.report(incident(5, { signatureStacks: [2], driver: 'nvme' }));
    collector.report(incident(6, { signatureStacks: [2], rule: ruleOf('error', 'another') }));
    expect(collector.findings(99).map(({ count }) => count)).toEqual([2, 1, 1, 1, 1]);
  });

  it('does not tell bugs apart by device, pid or CPU', () => {
    const collector = new FindingCollector(names);
    collector.report(incident(1, { device: 'one', fired: { role: 'freed', at: at(1, { pid: 5, cpu: 1 }) } }));
    collector.report(incident(2, { device: 'two', fired: { role: 'freed', at: at(2, { pid: 6, cpu: 2 }) } }));
    expect(collector.findings(99)).toHaveLength(1);
  });

  it('says nothing of what it does not know, rather than undefined', () => {
    const collector = new FindingCollector(names);
    collector.report(incident(1, { signatureStacks: [], device: undefined, page: undefined }));
    const [finding] = collector.findings(99);
    for (const key of ['device', 'driver', 'page', 'mapping', 'reachable'])
      expect(finding).not.toHaveProperty(key);
  });

  it('takes the driver from the first module in the stacks that is not that of the recording', () => {
    const collector = new FindingCollector(names);
    collector.report(incident(1, { signatureStacks: [2, 3] }));
    expect(collector.findings(99)[0]?.driver).toBe('nvme');
  });

  it('puts errors first, then warnings, then notes, each in the order of their first occurrence', () => {
    const collector = new FindingCollector(names);
    const severities: Severity[] = ['note', 'warning', 'error', 'warning', 'note', 'error'];
    severities.forEach((severity, i) => {
      collector.report(incident(i, { rule: ruleOf(severity, `${severity} ${i}`) }));
    });
    const order = ['error 2', 'error 5', 'warning 1', 'warning 3', 'note 0', 'note 4'];
    expect(collector.findings(99).map(({ rule }) => rule)).toEqual(order);
  });

  it('takes the time of the event, not the order of the reports: a verdict may have to wait', () => {
    const collector = new FindingCollector(names);
    collector.report(incident(20));
    collector.report(incident(10));
    collector.report(incident(15, { rule: ruleOf('error', 'other') }));
    expect(collector.findings(99).map(({ firstNs, lastNs }) => [firstNs, lastNs])).toEqual([
      [10, 20],
      [15, 15],
    ]);
  });
});

describe('the story', () => {
  it('is in the order of time, with the fired event in its place', () => {
    const collector = new FindingCollector(names);
    const handle = collector.report(
      incident(30, {
        others: [
          { role: 'mapped', at: at(20, { position: 7, stack: 2 }) },
          { role: 'allocated', at: at(10) },
        ],
      }),
    );
    handle.add('unmapped', at(40));
    const [finding] = collector.findings(99);
    expect(finding?.story.map(({ role }) => role)).toEqual(['allocated', 'mapped', 'freed', 'unmapped']);
    expect(finding?.firedAt).toBe(2);
    expect(finding?.story[1]).toMatchObject({
      stack: STACKS[2],
      location: { file: 'trace.dat', offset: 7 },
    });
    expect(finding?.story[0]).not.toHaveProperty('location');
  });

  it('puts the cause before the effect where a coarse clock gives both the same time', () => {
    const collector = new FindingCollector(names);
    const others = [
      { role: 'allocated', at: at(30) },
      { role: 'mapped', at: at(30) },
    ] as const;
    collector.report(incident(30, { others })).ended('unmapped', at(30));
    const [finding] = collector.findings(99);
    expect(finding?.story.map(({ role }) => role)).toEqual(['allocated', 'mapped', 'freed', 'unmapped']);
    expect(finding?.firedAt).toBe(2);
  });

  it('tells two echoes and counts all', () => {
    const collector = new FindingCollector(names);
    const handle = collector.report(incident(10));
    for (let i = 11; i <= 15; i++) handle.echo('allocated again', at(i));
    const [finding] = collector.findings(99);
    expect(finding).toMatchObject({ count: 1, echoes: 5, lastNs: 15 });
    expect(finding?.story.map(({ timeNs }) => timeNs)).toEqual([10, 11, 12]);
  });

  it('is that of the sample only; what happens to other occurrences is counted', () => {
    const collector = new FindingCollector(names);
    collector.report(incident(10));
    const second = collector.report(incident(20));
    second.echo('freed again', at(21));
    second.add('unmapped', at(22));
    second.ended('unmapped', at(23));
    second.grow(5, at(24));
    expect(collector.findings(99)[0]).toMatchObject({ count: 2, echoes: 1, pages: 7, lastNs: 24 });
    expect(collector.findings(99)[0]?.story).toHaveLength(1);
  });

  it('keeps moments that the source reuses', () => {
    const collector = new FindingCollector(names);
    const handle = collector.report(incident(10));
    const reused = at(20);
    handle.echo('freed again', reused);
    handle.ended('unmapped', reused);
    reused.timeNs = 1000;
    expect(collector.findings(99)[0]?.story.map(({ timeNs }) => timeNs)).toEqual([10, 20, 20]);
  });
});

describe('certainty', () => {
  it('is that of the best occurrence, which becomes the sample', () => {
    const collector = new FindingCollector(names);
    const possible = collector.report(incident(10, { certainty: 'possible', reachable: true }));
    possible.ended('unmapped', at(11));
    collector.report(incident(20, { certainty: 'certain', reachable: true }));
    collector.report(incident(30, { certainty: 'certain', reachable: true }));
    collector.report(incident(40, { certainty: 'possible', reachable: true }));
    possible.echo('freed again', at(50));
    expect(collector.findings(99)[0]).toMatchObject({
      certainty: 'certain',
      title: 'at 20',
      count: 4,
      echoes: 1,
      firstNs: 10,
      lastNs: 50,
      story: [{ timeNs: 20 }],
      reachable: { ended: false, durationNs: 79 },
    });
  });
});

describe('the time that memory was reachable', () => {
  it('ends with the first event that ends it', () => {
    const collector = new FindingCollector(names);
    const handle = collector.report(incident(10, { reachable: true }));
    handle.ended('unmapped', at(15));
    handle.ended('unmapped', at(25));
    expect(collector.findings(99)[0]?.reachable).toEqual({ durationNs: 5, ended: true });
  });

  it('lasts to the end of the trace, which is no earlier than the last event that is told', () => {
    const collector = new FindingCollector(names);
    const handle = collector.report(incident(10, { reachable: true }));
    expect(collector.findings(99)[0]?.reachable).toEqual({ durationNs: 89, ended: false });
    handle.echo('freed again', at(200));
    expect(collector.findings(99)[0]?.reachable).toEqual({ durationNs: 190, ended: false });
  });
});

describe('occurrences of different weight', () => {
  it('are told by the worst, then by a certain one, then by the first', () => {
    const collector = new FindingCollector(names);
    const rule = ruleOf('note', 'one');
    collector.report(incident(1, { rule }));
    collector.report(incident(2, { rule, severity: 'error', certainty: 'possible' }));
    collector.report(incident(3, { rule, severity: 'error' }));
    collector.report(incident(4, { rule, severity: 'error' }));
    collector.report(incident(5, { rule }));
    const [finding] = collector.findings(9);
    expect(finding).toMatchObject({ title: 'at 3', severity: 'error', certainty: 'certain', count: 5 });
  });
});

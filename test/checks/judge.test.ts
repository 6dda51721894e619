import { describe, expect, it } from 'vitest';
import { ALL_CHECKS, RULES } from '../../src/checks/all-checks.ts';
import type { Check, CheckDefinition } from '../../src/checks/check.ts';
import { inTurn } from '../../src/checks/in-turn.ts';
import { Judge } from '../../src/checks/judge.ts';
import { skippedReason } from '../../src/checks/skipped-reason.ts';
import type { Rule } from '../../src/findings/rule.ts';
import { newMoment } from '../../src/kernel/moment.ts';
import { silentEvents } from '../../src/kernel/silent-events.ts';
import { type Capabilities, noCapabilities } from '../../src/kernel/source.ts';
import { KernelScript } from '../helpers/kernel-script.ts';
import { newRecorder } from '../helpers/recorder.ts';

const NOTHING: Capabilities = noCapabilities();

describe('the rules', () => {
  it('have ids that suppressions, baselines and SARIF name: these never change', () => {
    const words = RULES.map(
      ({ id, severity, isOffByDefault }) => `${id}: ${severity}${isOffByDefault ? ', off by default' : ''}`,
    );
    expect(words).toEqual([
      'free-while-mapped: error',
      'alloc-while-mapped: error',
      'map-free-page: error',
      'unmap-larger-than-requested: error',
      'unmap-smaller-than-requested: error',
      'unmap-unmapped: warning',
      'map-over-live: error',
      'domain-freed-live: error',
      'unbind-leak: error',
      'unmap-after-unbind: error',
      'mapping-leak: warning',
      'fault-after-unmap: error',
      'stale-iotlb: note',
      'long-unmap: note',
      'stale-kernel-page-table: error',
      'kernel-page-table-unlink-order: error',
      'page-pool-inflight: warning',
      'page-pool-unbind: error',
      'page-pool-freed-page: error',
      'dma-wrong-size: error',
      'dma-wrong-direction: error',
      'dma-wrong-function: error',
      'dma-wrong-device: error',
      'dma-wrong-attrs: error',
      'dma-wrong-sg: error',
      'dma-unmap-unknown: error',
      'dma-sync-unmapped: error',
      'dma-sync-range: error',
      'dma-sync-direction: error',
      'dma-overlap: note, off by default',
      'multiple-map: note, off by default',
      'subpage-exposure: note, off by default',
      'refcount: error',
    ]);
  });

  it.each(RULES.map(rule => [rule.id, rule] as const))(
    '%s has a title of one line and advice',
    (_id, rule) => {
      expect(rule.title).toMatch(/^[^\n.]+[^.\n]$/);
      expect(rule.advice.length).toBeGreaterThan(0);
      for (const line of rule.advice) expect(line).toMatch(/[.?]$/);
    },
  );
});

describe('a check that a source cannot feed', () => {
  it('says why, for each thing that can be missing', () => {
    const reasons = Object.keys(NOTHING).map(need => {
      const rule: Rule = {
        id: 'x',
        severity: 'note',
        title: '',
        needs: [need as keyof Capabilities],
        advice: [],
      };
      return skippedReason(rule, NOTHING);
    });
    expect(reasons).not.toContain(undefined);
    expect(new Set(reasons).size).toBe(reasons.length);
  });

  it('is skipped with the first thing that is missing, and works when nothing is', () => {
    const rule: Rule = {
      id: 'x',
      severity: 'note',
      title: '',
      needs: ['hasDomains', 'hasDomainLifetime'],
      advice: [],
    };
    expect(skippedReason(rule, { ...NOTHING, hasDomains: true })).toContain('iommu_domain_free');
    expect(skippedReason(rule, { ...NOTHING, hasDomains: true, hasDomainLifetime: true })).toBeUndefined();
  });

  it('is skipped according to what the source has shown at its end', () => {
    const capabilities = { ...NOTHING };
    const judge = new Judge({
      names: { ...silentNames },
      capabilities,
      pageSize: 4096,
      accounting: 'exact',
      checks: ALL_CHECKS,
    });
    const skippedAtFirst = judge.skipped().map(({ rule }) => rule);
    expect(skippedAtFirst).toContain('free-while-mapped');
    expect(skippedAtFirst).not.toContain('unmap-larger-than-requested');
    capabilities.hasPageAllocator = true;
    expect(judge.skipped().map(({ rule }) => rule)).not.toContain('free-while-mapped');
  });

  it('is not put to work when it was not chosen', () => {
    const chosen = ALL_CHECKS.filter(({ rule }) => rule.id === 'alloc-while-mapped');
    const k = new KernelScript({ checks: chosen }).map('A', 0x1000, 0x5000, 0x1000).free(5).alloc(5);
    expect(k.rules()).toEqual(['alloc-while-mapped']);
    expect(k.judge.skipped()).toEqual([]);
  });
});

const silentNames = {
  device: () => undefined,
  driver: () => undefined,
  domain: () => undefined,
  pool: () => undefined,
  task: () => '',
  stack: () => [],
  locate: () => undefined,
};

describe('the order of things', () => {
  it('is: each check in turn before the shadow believes the event', () => {
    const seen: string[] = [];
    const definition = (id: string): CheckDefinition => ({
      rule: { id, severity: 'note', title: '', needs: [], advice: [] },
      create: ({ shadow }): Check => ({
        iommuMap: () => seen.push(`${id} before the map: ${shadow.mappings.live}`),
        mappingCut: (_at, _page, _pages, _count, gone) => seen.push(`${id} at the cut: gone ${gone}`),
        iommuUnmapEnd: () => seen.push(`${id} before the unmap: ${shadow.mappings.live}`),
        finish: () => seen.push(`${id} at the end: ${shadow.mappings.live}`),
      }),
    });
    const k = new KernelScript({ checks: [definition('first'), definition('second')] });
    k.map('A', 0x1000, 0x5000, 0x1000).unmap('A', 0x1000, 0x1000).finish();
    expect(seen).toEqual([
      'first before the map: 0',
      'second before the map: 0',
      'first before the unmap: 1',
      'second before the unmap: 1',
      'first at the cut: gone true',
      'second at the cut: gone true',
      'first at the end: 0',
      'second at the end: 0',
    ]);
  });

  it('loses no event and no argument on the way', () => {
    const check = newRecorder();
    const last = newRecorder();
    const events = inTurn([check.sink], last.sink);
    const sent: unknown[] = [];
    for (const method of Object.keys(silentEvents) as (keyof typeof silentEvents)[]) {
      const values = Array.from({ length: 8 }, (_, i) => i + 1);
      const wanted = last.calls.length;
      if (method === 'eventsLost') events.eventsLost(1, 2, 3, 4);
      else (events[method] as (...args: unknown[]) => void)(newMoment(), ...values);
      const [, ...told] = last.calls[wanted] ?? [];
      sent.push([method, ...told]);
      expect(told).toEqual((method === 'eventsLost' ? [1, 2, 3, 4] : values).slice(0, told.length));
    }
    expect(last.calls).toEqual(sent);
    expect(check.calls).toEqual(last.calls);
    expect(new Set(last.calls.map(([method]) => method)).size).toBe(Object.keys(silentEvents).length);
  });
});

import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../src/index.ts';
import { hasRecording, recording, sharedRecordings } from './shared.ts';

/** What the driver of each recording did wrong: rules in exact accounting, and warnings of the kernel itself. */
const SANITIZER_KERNEL: Readonly<Record<string, readonly [warnings: number, rules: readonly string[]]>> = {
  ok: [0, []],
  uaf: [2, ['free-while-mapped']],
  uaf_order3_tail: [1, ['free-while-mapped']],
  leak_unbind: [0, ['unbind-leak']],
  alias: [1, ['free-while-mapped']],
  // The leaked page was handed out on after the trace had ended: 11 of the kernel's 74 warnings are in it.
  wrong_size: [11, ['dma-wrong-size', 'free-while-mapped', 'unbind-leak']],
  wrong_dir: [0, ['dma-wrong-direction']],
  sync_after_unmap: [0, ['dma-sync-unmapped']],
  sg_ok: [0, []],
  coherent_ok: [0, []],
  coherent_leak: [0, ['unbind-leak']],
  dom_over_unmap: [511, ['unmap-larger-than-requested']],
  dom_short_unmap: [0, ['unmap-smaller-than-requested']],
  dom_double_unmap: [0, ['unmap-unmapped']],
  dom_two_domains: [1, ['free-while-mapped']],
  dom_many: [0, []],
  dom_overlap_map: [0, []],
  dom_remap_4k_unmap_2m: [0, []],
  pp_ok: [0, []],
  pp_leak: [0, ['page-pool-inflight']],
};

/** Recordings of kernels that say nothing about any of these bugs themselves. */
const STOCK_KERNELS: Readonly<Record<string, readonly string[]>> = {
  'stock-kernel/ok': [],
  'stock-kernel/sg_ok': [],
  'stock-kernel/nvme-and-ping': [],
  'stock-kernel/kmalloc': [],
  'stock-kernel/fault': ['fault-after-unmap'],
  'stock-kernel/lazy_reuse': ['fault-after-unmap', 'stale-iotlb'],
  'stock-kernel/uaf': ['free-while-mapped'],
  'stock-kernel/overrun': ['free-while-mapped', 'stale-iotlb'],
  'stock-kernel/leak_unbind': ['unbind-leak'],
  'stock-kernel/dom_over_unmap': ['unmap-larger-than-requested'],
  'linux-6.1/k61': [],
  'linux-6.1/k61-amd': [],
  'linux-6.1/k61-lossy': [],
};

const where = sharedRecordings
  ? 'full recordings'
  : 'recordings in the repository; the full ones are not here';

describe(`a kernel with IOMMU_DEBUG_PAGEALLOC (${where})`, () => {
  for (const [name, [warnings, rules]] of Object.entries(SANITIZER_KERNEL)) {
    it(`${name}: ${rules.join(', ') || 'nothing'} in exact accounting`, async () => {
      const report = await checkTrace(recording(`sanitizer-kernel/${name}`));
      expect(report.findings.map(finding => finding.rule).sort()).toEqual([...rules].sort());
      expect(report.gaps).toEqual([]);
    });

    it(`${name}: ${warnings} warnings in kernel accounting, as the kernel printed`, async () => {
      const report = await checkTrace(recording(`sanitizer-kernel/${name}`), { accounting: 'kernel' });
      expect(report.accounting.kernelWarnings).toBe(warnings);
    });
  }

  it.each([
    ['fuzz-1', 40],
    ['fuzz-3', 52],
  ])('%s: %i warnings for 400 random operations', async (name, warnings) => {
    const report = await checkTrace(recording(`sanitizer-kernel/${name}`), { accounting: 'kernel' });
    expect(report.accounting.kernelWarnings).toBe(warnings);
    const exact = await checkTrace(recording(`sanitizer-kernel/${name}`));
    expect(exact.findings.map(finding => finding.rule)).toContain('free-while-mapped');
  });
});

describe(`unmodified kernels (${where})`, () => {
  for (const [name, rules] of Object.entries(STOCK_KERNELS)) {
    // Some recordings are too large to be committed; the title above says where they were looked for.
    it.skipIf(!hasRecording(name))(`${name}: ${rules.join(', ') || 'nothing'}`, async () => {
      const report = await checkTrace(recording(name));
      expect(report.findings.map(finding => finding.rule).sort()).toEqual([...rules].sort());
      expect(report.findings.every(finding => finding.certainty === 'certain')).toBe(true);
    });
  }
});

/** Scenarios that were recorded on both kernels. */
const ON_BOTH = ['ok', 'sg_ok', 'uaf', 'leak_unbind', 'dom_over_unmap'];

describe(`the same scenario on two kernels (${where})`, () => {
  for (const name of ON_BOTH) {
    const isThere = hasRecording(`stock-kernel/${name}`);
    it.skipIf(!isThere)(`${name}: has the same rules and drivers, however the kernels differ`, async () => {
      const [debug, stock] = await Promise.all([
        checkTrace(recording(`sanitizer-kernel/${name}`)),
        checkTrace(recording(`stock-kernel/${name}`)),
      ]);
      const who = ({ findings }: typeof debug) => findings.map(({ rule, driver }) => ({ rule, driver }));
      expect(who(stock)).toEqual(who(debug));
    });
  }
});

/** What the rules that are off by default say where they are asked for, beside the others. */
const ASKED_FOR: Readonly<Record<string, readonly string[]>> = {
  'sanitizer-kernel/alias': ['free-while-mapped', 'multiple-map'],
  'sanitizer-kernel/dom_many': ['multiple-map'],
  'sanitizer-kernel/ok': [],
  'sanitizer-kernel/sg_ok': [],
  'stock-kernel/kmalloc': ['multiple-map', 'subpage-exposure'],
  'stock-kernel/nvme-and-ping': ['multiple-map'],
};

describe(`rules that are off by default (${where})`, () => {
  for (const [name, rules] of Object.entries(ASKED_FOR)) {
    it.skipIf(!hasRecording(name))(`${name}: ${rules.join(', ') || 'nothing'} where asked for`, async () => {
      const enable = ['multiple-map', 'subpage-exposure', 'dma-overlap'];
      const report = await checkTrace(recording(name), { enable });
      expect([...new Set(report.findings.map(finding => finding.rule))].sort()).toEqual(rules);
    });
  }
});

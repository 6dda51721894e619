import type { CheckReport } from '../../src/findings/check-report.ts';
import type { Finding, MappingRef, StoryEvent, StoryRole } from '../../src/findings/finding.ts';
import type { StackFrame } from '../../src/kernel/source.ts';
import { RECORDED } from '../helpers/capabilities.ts';

/** Reports made by hand, after recordings of the lab driver on Linux 7.2. */

const PROBE = `
  pci_device_probe+0xba/0x140
  really_probe+0xb6/0x290
  driver_probe_device+0x1f/0x80
  __driver_attach+0x84/0x130
  bus_for_each_dev+0x75/0xb0
  bus_add_driver+0xe4/0x210
  driver_register+0x59/0x100
  do_one_initcall+0x55/0x1f0
  do_init_module+0x60/0x250
  init_module_from_file+0xa2/0xc0
  __x64_sys_finit_module+0x150/0x370
  do_syscall_64+0x46/0x310
  entry_SYSCALL_64_after_hwframe+0x4b/0x53`;

const FREE_STACK = `
  trace_event_raw_event_mm_page_free+0x9c/0xf0
  __free_frozen_pages+0x547/0x5f0
  probe+0x48f/0xf30 [dmabugs]${PROBE}`;

const MAP_STACK = `
  fentry_trace_func+0x144/0x360
  fentry_dispatcher+0x29/0x60
  fprobe_ftrace_entry+0x21e/0x3b0
  arch_ftrace_ops_list_func+0x13f/0x1c0
  ftrace_call+0x5/0x44
  iommu_map_nosync+0x5/0x2b0
  iommu_map+0x2f/0x90
  __iommu_dma_map+0xbe/0x120
  iommu_dma_map_phys+0x120/0x3c0
  dma_map_phys+0x136/0x2f0
  probe+0x455/0xf30 [dmabugs]${PROBE}`;

const UNMAP_STACK = `
  kprobe_trace_func+0x1b2/0x300
  kprobe_dispatcher+0x4c/0x80
  kprobe_ftrace_handler+0xf1/0x190
  ftrace_trampoline+0x64/0x2000
  __iommu_unmap+0x5/0x1d0
  iommu_unmap+0x5f/0xb0
  __iommu_dma_unmap+0xb9/0x1a0
  iommu_dma_unmap_phys+0x8c/0x140
  dma_unmap_phys+0xab/0x2c0
  remove+0x3b/0x70 [dmabugs]
  0xffffffffa0003571`;

/** Frames as {@link https://docs.kernel.org/admin-guide/bug-hunting.html} writes them; an address stands for itself. */
export function frames(text: string): StackFrame[] {
  return text
    .trim()
    .split('\n')
    .map((line, index) => {
      const address = `0xffffffff81${(0x100000 + index * 0x1040).toString(16)}`;
      const match = /^(\S+?)\+0x([0-9a-f]+)\/0x([0-9a-f]+)(?: \[(\w+)\])?$/.exec(line.trim());
      if (match === null) return { address: line.trim() };
      const [, symbol = '', offset = '', size = '', module] = match;
      return {
        address,
        symbol,
        offset: Number.parseInt(offset, 16),
        size: Number.parseInt(size, 16),
        ...(module !== undefined && { module }),
      };
    });
}

export function event(
  role: StoryRole,
  timeNs: number,
  stack = '',
  over: Partial<StoryEvent> = {},
): StoryEvent {
  return {
    role,
    timeNs,
    cpu: 1,
    pid: 81,
    task: 'insmod',
    stack: stack === '' ? [] : frames(stack),
    location: { file: 'uaf.dat', offset: 0x4b000, inChunk: 0x1c8 },
    ...over,
  };
}

const MAPPING: MappingRef = {
  iova: '0xffff000',
  phys: '0x733c000',
  sizeBytes: 4096,
  domain: '0xff11000000ab5c00',
  device: '0000:00:04.0',
};

export const useAfterFree: Finding = {
  rule: 'free-while-mapped',
  severity: 'error',
  certainty: 'certain',
  title: 'page 0x733c was freed while 0000:00:04.0 could still reach it',
  signature: 'free-while-mapped:9f3c2a71d04be8a6',
  count: 1,
  pages: 1,
  echoes: 2,
  firstNs: 9_923_700_412,
  lastNs: 9_923_700_412,
  device: '0000:00:04.0',
  driver: 'dmabugs',
  page: { pfn: '0x733c', phys: '0x733c000' },
  mapping: MAPPING,
  otherMappings: [],
  facts: [],
  story: [
    event('mapped', 9_922_412_007, MAP_STACK),
    event('freed', 9_923_700_412, FREE_STACK),
    event('unmapped', 10_071_201_933, UNMAP_STACK, { cpu: 0 }),
  ],
  firedAt: 1,
  reachable: { durationNs: 10_071_201_933 - 9_923_700_412, ended: true },
  advice: [
    'Does the driver call dma_unmap_phys() (or the unmap of the family it mapped with) on every path that frees the page?',
    'Is the device stopped before its buffers are freed?',
    'The stack under "Mapped" shows the owner of the mapping; the one under "Freed" shows who let go of the page too early.',
  ],
};

export const unbindLeak: Finding = {
  rule: 'unbind-leak',
  severity: 'error',
  certainty: 'certain',
  title: 'driver dmabugs left 0000:00:04.0 with mappings outstanding',
  signature: 'unbind-leak:51c07be9a8812d3f',
  count: 3,
  pages: 48,
  echoes: 0,
  firstNs: 4_000_120_000,
  lastNs: 9_700_450_000,
  device: '0000:00:04.0',
  driver: 'dmabugs',
  mapping: { ...MAPPING, iova: '0xfff0000', phys: '0x8000000', sizeBytes: 65_536 },
  otherMappings: [],
  facts: [
    { name: 'made by', value: 'dma_alloc_attrs()' },
    { name: 'age', value: '2.1 s' },
  ],
  story: [
    event('mapped', 1_900_000_000, MAP_STACK, { task: 'modprobe', pid: 512 }),
    event('unbound', 4_000_120_000, '', { task: 'rmmod', pid: 80, cpu: 0 }),
  ],
  firedAt: 1,
  advice: ['Does the remove() function of the driver free what its probe() allocated?'],
};

export const possibleFinding: Finding = {
  ...useAfterFree,
  certainty: 'possible',
  count: 7,
  pages: 9,
  echoes: 1,
  lastNs: 12_000_000_000,
  otherMappings: [
    {
      iova: '0xfffe000',
      phys: '0x733c000',
      sizeBytes: 4096,
      device: '0000:00:05.0',
      domain: MAPPING.domain ?? '',
    },
    { iova: '0x10000000', phys: '0x7200000', sizeBytes: 2 ** 21 },
  ],
  story: [event('mapped', 9_922_412_007), event('freed', 9_923_700_412)],
  reachable: { durationNs: 2_500_000_000, ended: false },
};

export const smallNote: Finding = {
  rule: 'multiple-map',
  severity: 'note',
  certainty: 'certain',
  title: 'page 0x733c is mapped at two IOVAs at once',
  signature: 'multiple-map:0011223344556677',
  count: 1,
  pages: 1,
  echoes: 0,
  firstNs: 1_000_000_000,
  lastNs: 1_000_000_000,
  otherMappings: [],
  facts: [],
  story: [],
  firedAt: 0,
  advice: [],
};

/** A report of a whole trace without loss, on which every check but two worked. */
export function report(findings: readonly Finding[], over: Partial<CheckReport> = {}): CheckReport {
  return {
    schemaVersion: 1,
    tool: { name: 'iommusan', version: '0.1.0' },
    trace: {
      files: ['uaf.dat'],
      format: 'trace.dat version 7 (zstd)',
      kernel: 'Linux 7.2.13-iommudbg x86_64',
      clock: 'mono',
      cpus: 2,
      pageSize: 4096,
      events: 157_170,
      firstNs: 7_000_000_000,
      lastNs: 12_500_000_000,
      capabilities: RECORDED,
    },
    accounting: {
      mode: 'exact',
      mappingsMade: 28_195,
      mappingsLive: 512,
      bytesLive: 2_097_152,
      pagesAllocated: 1_700,
      pagesFreed: 1_606,
    },
    lost: { events: 0, uncountedGaps: 0, windows: [] },
    gaps: [],
    skippedChecks: [
      { rule: 'map-free-page', reason: 'the trace does not show every allocation' },
      { rule: 'stale-kernel-page-table', reason: 'the trace holds no events of kernel page tables' },
    ],
    notes: [],
    findings,
    ...over,
  };
}

/** Events lost on both CPUs, one of them uncounted, and a broken page of the file. */
export const incomplete: Pick<CheckReport, 'lost' | 'gaps' | 'notes'> = {
  lost: {
    events: 20_956,
    uncountedGaps: 1,
    windows: [
      { cpu: 0, count: 20_956, untilNs: 7_312_000_500 },
      { cpu: 1, count: -1, sinceNs: 8_000_000_000, untilNs: 8_100_000_000 },
    ],
  },
  gaps: [
    { file: 'uaf.dat', offset: 0x7a000, message: 'a ring-buffer page claims 70000 bytes, at most 4080 fit' },
  ],
  notes: ['Mappings do not name their domain: equal IOVAs of two domains cannot be told apart.'],
};

/** A type with every optional field made obligatory, all the way down. */
type Complete<T> = T extends object ? { [K in keyof T]-?: Complete<T[K]> } : T;

/**
 * Every field that a report can have. The compiler notices when one is missing here, and a test compares this with
 * the JSON schema: so the schema cannot fall behind the types.
 */
const complete: Complete<Omit<CheckReport, 'suppressed'>> = {
  ...report([]),
  trace: { ...report([]).trace, kernel: 'Linux 7.2.13-iommudbg x86_64' },
  accounting: { ...report([]).accounting, mode: 'kernel', kernelWarnings: 2 },
  lost: { events: 3, uncountedGaps: 0, windows: [{ cpu: 0, count: 3, sinceNs: 1, untilNs: 2 }] },
  gaps: incomplete.gaps,
  notes: incomplete.notes,
  baseline: {
    file: 'old.json',
    gone: [
      {
        rule: 'unbind-leak',
        severity: 'error',
        signature: '0011223344556677',
        title: 'driver dmabugs left 0000:00:04.0 with mappings outstanding',
        count: 2,
      },
    ],
  },
  findings: [
    {
      rule: 'dma-wrong-size',
      severity: 'error',
      certainty: 'certain',
      title: '8 KiB were mapped and 4 KiB unmapped',
      signature: 'dma-wrong-size:77aa12',
      count: 1,
      pages: 1,
      echoes: 0,
      firstNs: 9_000_000_000,
      lastNs: 9_000_000_000,
      device: '0000:00:04.0',
      driver: 'dmabugs',
      page: { pfn: '0x733c', phys: '0x733c000' },
      mapping: { ...MAPPING, domain: '0xff11000000ab5c00', device: '0000:00:05.0' },
      otherMappings: [],
      facts: [{ name: 'size asked for', value: '4 KiB' }],
      story: [
        {
          role: 'unmapped',
          timeNs: 9_000_000_000,
          cpu: 0,
          pid: 81,
          task: 'insmod',
          stack: [
            { address: '0xffffffffa0003571', symbol: 'remove', offset: 59, size: 112, module: 'dmabugs' },
          ],
          location: { file: 'uaf.dat', offset: 0x4b000, inChunk: 0x1c8, line: 12 },
        },
      ],
      firedAt: 0,
      reachable: { durationNs: 1_000, ended: true },
      advice: ['Is the size that was mapped kept for the unmap?'],
      baseline: 'new',
      life: {
        pfn: '0x733c',
        device: '0000:00:04.0',
        events: [
          {
            role: 'mapped',
            facts: {
              order: 1,
              iova: '0xffff000',
              phys: '0x733c000',
              sizeBytes: 4096,
              domain: '0xff11000000ab5c00',
              device: '0000:00:04.0',
              driver: 'dmabugs',
              pool: '0xff11000000ab6000',
              count: 2,
            },
            timeNs: 8_900_000_000,
            cpu: 0,
            pid: 81,
            task: 'insmod',
            stack: [
              { address: '0xffffffffa0003571', symbol: 'probe', offset: 59, size: 112, module: 'dmabugs' },
            ],
            location: { file: 'uaf.dat', offset: 0x4b000, inChunk: 0x1c8, line: 7 },
            belief: { page: 'allocated', reachedBy: 1, mappedBytes: 4096, driver: 'bound' },
            story: 0,
          },
        ],
        omitted: 3,
      },
    },
  ],
  series: {
    startNs: 7_000_000_000,
    stepNs: 67_108_864,
    steps: 3,
    devices: [{ device: '0000:00:04.0', made: 3, live: 1, mappings: [1, 2, 1], bytes: [4096, 8192, 4096] }],
    domains: [
      {
        domain: '0xff11000000ab5c00',
        devices: ['0000:00:04.0'],
        made: 3,
        rowBytes: 4096,
        rows: [
          {
            iova: '0xffff000',
            mapped: [
              [0, 4096],
              [2, 0],
            ],
          },
        ],
      },
    ],
    devicesOmitted: 0,
    domainsOmitted: 1,
  },
};

/** {@link complete}, and findings of each other kind. */
export const everything: CheckReport = {
  ...complete,
  suppressed: [{ reason: 'fixed in 7.3', file: 'iommusan.suppressions', line: 3, finding: unbindLeak }],
  findings: [
    ...complete.findings,
    useAfterFree,
    unbindLeak,
    { ...possibleFinding, severity: 'warning' },
    smallNote,
  ],
};

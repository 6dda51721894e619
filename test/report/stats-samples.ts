import type { TraceStats } from '../../src/findings/trace-stats.ts';
import { incomplete, report } from './samples.ts';

/** A recording without `dma:` events and probes, with two buffers and lost events. */
export const stats: TraceStats = {
  schemaVersion: 1,
  trace: {
    ...report([]).trace,
    files: ['k61.dat'],
    kernel: 'Linux 6.1.0-44-amd64 x86_64',
    events: 4_322,
    capabilities: {
      hasDomains: true,
      hasDomainLifetime: false,
      hasDevices: false,
      hasDmaApi: false,
      hasDriverLifecycle: false,
      hasUnbindEnd: false,
      hasPageAllocator: true,
      hasEveryAllocation: false,
      hasStacks: false,
      hasPagePool: true,
      hasPoolLifetime: false,
      hasFlushes: false,
      hasFaults: false,
      hasSlab: false,
      hasKernelTables: false,
      hasTableUnlinks: false,
    },
  },
  buffers: [
    { name: '', clock: 'mono', cpus: 2 },
    { name: 'iommusan', clock: 'mono', cpus: 2 },
  ],
  events: [
    { system: 'kmem', name: 'mm_page_alloc', count: 3_001, id: 521 },
    { system: 'iommu', name: 'map', count: 1_200, id: 77 },
    { system: 'iommusan', name: 'map_ret', count: 121, id: 2_001 },
  ],
  perCpu: [
    { cpu: 0, events: 3_000, bytes: 409_600, lost: 20_956, firstNs: 7_312_000_500, lastNs: 12_500_000_000 },
    { cpu: 1, events: 1_322, bytes: 122_880, lost: -1, firstNs: 7_000_000_000, lastNs: 12_400_000_000 },
    { cpu: 2, events: 0, bytes: 0, lost: 0, firstNs: 0, lastNs: 0 },
  ],
  ...incomplete,
  checks: [
    { rule: 'free-while-mapped', works: true },
    { rule: 'unmap-larger-than-requested', works: true },
    { rule: 'unbind-leak', works: false, reason: 'binding and unbinding of drivers was not recorded' },
    { rule: 'map-free-page', works: false },
  ],
};

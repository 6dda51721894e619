import type { Capabilities } from '../../src/kernel/source.ts';

/** What the best recording of a real kernel shows: all but every allocation. */
export const RECORDED: Capabilities = {
  hasDomains: true,
  hasDomainLifetime: true,
  hasDevices: true,
  hasDmaApi: true,
  hasDriverLifecycle: true,
  hasUnbindEnd: true,
  hasPageAllocator: true,
  hasEveryAllocation: false,
  hasStacks: true,
  hasPagePool: true,
  hasPoolLifetime: true,
  hasFlushes: true,
  hasFaults: true,
  hasSlab: true,
  hasKernelTables: true,
  hasTableUnlinks: false,
};

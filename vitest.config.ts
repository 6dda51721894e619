import { defineConfig } from 'vitest/config';

/**
 * `unit` needs nothing but the repository. `traces` reads the full recordings in ../shared where they exist;
 * `browser` opens the built page of the HTML report in Chromium, where that is installed;
 * `trace-cmd` compares with the reference implementation where that is installed; `machine` plays thousands of random
 * programs; `vm` boots real kernels in virtual machines.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // The tests share no state; a worker for each of the files takes longer than what is in it.
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [
            'test/browser/**',
            'test/traces/**',
            'test/trace-cmd/**',
            'test/slow/**',
            'test/machine-runs/**',
            'test/vm/**',
          ],
        },
      },
      { test: { name: 'slow', include: ['test/slow/**/*.test.ts'] } },
      { test: { name: 'traces', include: ['test/traces/**/*.test.ts'] } },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'machine', include: ['test/machine-runs/**/*.test.ts'], testTimeout: 600_000 } },
      { test: { name: 'trace-cmd', include: ['test/trace-cmd/**/*.test.ts'], testTimeout: 60_000 } },
      // One file after the other, in one process: they share the machines that run meanwhile (test/vm/lab/debian-12.ts).
      {
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          fileParallelism: false,
          isolate: false,
          testTimeout: 60_000,
        },
      },
    ],
  },
});

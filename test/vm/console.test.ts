import { describe, expect, it } from 'vitest';
import { assertNoTrouble, KernelTrouble } from './lab/machine.ts';

describe('the console of a machine', () => {
  it.each([
    '[   88.404981] watchdog: BUG: soft lockup - CPU#0 stuck for 23s! [sh:1062]',
    '[  242.606084] INFO: task khugepaged:36 blocked for more than 120 seconds.',
    '[   12.000000] int3: 0000 [#1] PREEMPT SMP NOPTI',
    "[    0.012000] Kernel panic - not syncing: timer doesn't work through Interrupt-remapped IO-APIC",
  ])('tells that the kernel has come to grief: %s', line => {
    expect(() => assertNoTrouble(`Booting from ROM...\r\n${line}\r\n[  243.0] more\r\n`)).toThrow(
      new KernelTrouble(line),
    );
    // The line may not be whole yet.
    expect(() => assertNoTrouble(`Booting from ROM...\r\n${line.slice(0, -1)}`)).not.toThrow();
  });

  it('may tell of what the module under test does', () => {
    assertNoTrouble(
      '[   34.4] DMAR: ERROR: DMA PTE for vPFN 0x40001 already set (to 10c969003 not 10c96c003)\r\n',
    );
    assertNoTrouble(
      '[   34.5] WARNING: CPU: 0 PID: 81 at drivers/iommu/intel/iommu.c:2222 __domain_mapping\r\n',
    );
  });
});

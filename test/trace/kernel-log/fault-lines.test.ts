import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FaultLines, type LoggedFault } from '../../../src/trace/kernel-log/fault-lines.ts';

/** The faults in some lines, and the number of the line that each came with. */
function faultsIn(...lines: string[]): [LoggedFault, number][] {
  const reader = new FaultLines<number>();
  const found = lines.flatMap((line, number) => reader.accept(line, () => number));
  return [...found, ...reader.finish()].map(({ fault, when }) => [fault, when]);
}

describe('a fault of one line', () => {
  it.each<[string, string, LoggedFault]>([
    [
      'VT-d, Linux 7.2',
      'DMAR: [DMA Write NO_PASID] Request device [0000:00:04.0] fault addr 0xffff000 [fault reason 0x05] PTE Write access is not set',
      { device: '0000:00:04.0', iova: 0xffff000, isWrite: 1 },
    ],
    [
      'VT-d with a PASID',
      'DMAR: [DMA Read PASID 0x1] Request device [6a:01.0] fault addr 0x7f0000001000 [fault reason 0x73] SM: Present bit in first-level paging entry is clear',
      { device: '0000:6a:01.0', iova: 0x7f00_0000_1000, isWrite: 0 },
    ],
    [
      'VT-d, Linux 5.4',
      'DMAR: [DMA Write] Request device [02:00.0] fault addr fffe0000 [fault reason 05] PTE Write access is not set',
      { device: '0000:02:00.0', iova: 0xfffe0000, isWrite: 1 },
    ],
    [
      'VT-d, Linux 5.10',
      'DMAR: [DMA Read] Request device [00:02.0] PASID ffffffff fault addr 4f800000 [fault reason 06] PTE Read access is not set',
      { device: '0000:00:02.0', iova: 0x4f800000, isWrite: 0 },
    ],
    [
      'AMD-Vi by the name of the driver, present and read',
      'nvme 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000b address=0xfffe0000 flags=0x0050]',
      { device: '0000:01:00.0', iova: 0xfffe0000, isWrite: 0 },
    ],
    [
      'AMD-Vi, present and written',
      'ath10k_pci 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000d address=0xcff49550 flags=0x0070]',
      { device: '0000:01:00.0', iova: 0xcff49550, isWrite: 1 },
    ],
    [
      'AMD-Vi with the device in brackets, not present',
      'AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:05:00.0 domain=0x0012 address=0xff6101b0 flags=0x0000]',
      { device: '0000:05:00.0', iova: 0xff6101b0, isWrite: -1 },
    ],
    [
      'AMD-Vi, Linux 4.9, which begins a new line in the brackets',
      'IO_PAGE_FAULT device=05:00.0 domain=0x0012 address=0x00000000ff6101b0 flags=0x0070]',
      { device: '0000:05:00.0', iova: 0xff6101b0, isWrite: 1 },
    ],
    [
      'SMMUv2, written',
      'arm-smmu 15000000.iommu: Unhandled context fault: fsr=0x402, iova=0xfffe0000, fsynr=0x10013, cbfrsynra=0x1, cb=3',
      { device: undefined, iova: 0xfffe0000, isWrite: 1 },
    ],
    [
      'SMMUv2, read',
      'arm-smmu 5000000.smmu: Unhandled context fault: fsr=0x2, iova=0x100001000, fsynr=0x1, cbfrsynra=0x880, cb=1',
      { device: undefined, iova: 0x1_0000_1000, isWrite: 0 },
    ],
  ])('%s', (_, line, fault) => {
    expect(faultsIn('something else', line)).toEqual([[fault, 1]]);
  });

  it.each([
    'DMAR: DRHD: handling fault status reg 2',
    'DMAR: [INTR-REMAP] Request device [f0:1f.7] fault index 0x0 [fault reason 0x22] Present field in the IRTE entry is clear',
    'AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:00:14.0 domain=0x0000 address=0xfdf8000000 flags=0x0008]',
    'BUG: unable to handle page fault for address: ffffc90000000000',
    'arm-smmu-v3 arm-smmu-v3.0.auto: event 0x02 received:',
    '',
  ])('is not: %s', line => {
    expect(faultsIn(line)).toEqual([]);
  });
});

describe('a fault of SMMUv3', () => {
  const RAW = [
    'arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:',
    'arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000800000010',
    'arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000020000000000',
    'arm-smmu-v3 arm-smmu-v3.0.auto: \t0x00000000fffff040',
    'arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000000000000',
  ];
  const MEANING =
    'arm-smmu-v3 arm-smmu-v3.0.auto: event: F_TRANSLATION client: 0000:00:02.0 sid: 0x10 ssid: 0x0 iova: 0xfffff040 ipa: 0x0';

  it('is told by the words of its raw event, at the time of the first line', () => {
    const fault = { device: undefined, iova: 0xfffff040, isWrite: 1 };
    expect(faultsIn(...RAW, 'nvme nvme0: I/O fault, aborting')).toEqual([[fault, 0]]);
    expect(faultsIn(...RAW)).toEqual([[fault, 0]]);
    const read = RAW.with(2, 'arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000020800000000');
    expect(faultsIn(...read)).toEqual([[{ ...fault, isWrite: 0 }, 0]]);
  });

  it('is one fault with its meaning, which names the device', () => {
    expect(faultsIn(...RAW, MEANING)).toEqual([
      [{ device: '0000:00:02.0', iova: 0xfffff040, isWrite: 1 }, 0],
    ]);
    expect(faultsIn(MEANING)).toEqual([[{ device: '0000:00:02.0', iova: 0xfffff040, isWrite: -1 }, 0]]);
    expect(faultsIn(MEANING.replace('0000:00:02.0', '(unassigned sid)'))[0]?.[0].device).toBeUndefined();
  });

  it('is not mixed up with that of another SMMU', () => {
    const other = RAW.map(line => line.replace('.0.auto', '.1.auto').replace('fffff040', 'eeeee000'));
    expect(faultsIn(...RAW, ...other).map(([{ iova }]) => iova)).toEqual([0xfffff040, 0xeeeee000]);
    expect(faultsIn(...other, MEANING).map(([{ iova }]) => iova)).toEqual([0xeeeee000, 0xfffff040]);
    // The words of another SMMU belong to no event that was begun.
    expect(faultsIn(RAW[0] as string, ...other.slice(1))).toEqual([]);
  });

  it('is nothing where its raw event is cut off before the address', () => {
    expect(faultsIn(...RAW.slice(0, 3))).toEqual([]);
  });
});

describe('any other text', () => {
  it('does no harm', () => {
    const word = fc.constantFrom(
      'arm-smmu-v3 a:',
      'event 0x10 received:',
      '\t0x0000000000000000',
      'IO_PAGE_FAULT domain=0x1 address=0x',
      'fault addr',
      'Request device [',
      'x',
    );
    fc.assert(
      fc.property(fc.array(fc.array(word).map(words => words.join(' '))), lines => {
        for (const [{ iova }] of faultsIn(...lines)) expect(iova).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

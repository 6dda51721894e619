import { describe, expect, it } from 'vitest';
import { UNKNOWN } from '../../../src/kernel/events.ts';
import { bindKernel } from '../../helpers/bound-kernel.ts';
import { EventType } from '../../helpers/event-type.ts';

const CONSOLE = new EventType('printk', 'console', 680, [['__data_loc char[] msg', 4]]);
const FAULT = new EventType('iommu', 'io_page_fault', 681, [
  ['__data_loc char[] device', 4],
  ['__data_loc char[] driver', 4],
  ['u64 iova', 8],
  ['int flags', 4, 'signed'],
]);

describe('a fault', () => {
  it('is told by iommu:io_page_fault', () => {
    const kernel = bindKernel([FAULT]);
    kernel.emit(FAULT, { device: '0000:01:00.0', driver: 'nvme', iova: 0xfffe_0000, flags: 1 });
    kernel.emit(FAULT, { device: '0000:01:00.0', driver: 'nvme', iova: 0xfffe_0000, flags: 0 });
    expect(kernel.calls).toEqual([
      ['ioPageFault', 1, 0xfffe_0000, 1],
      ['ioPageFault', 1, 0xfffe_0000, 0],
    ]);
    expect(kernel.seen.hasFaults).toBe(true);
  });

  it('is told by a line of the log, of the device that it names', () => {
    const kernel = bindKernel([CONSOLE]);
    kernel.emit(CONSOLE, { msg: 'DMAR: DRHD: handling fault status reg 2' });
    expect(kernel.seen.hasFaults).toBe(false);
    kernel.emit(CONSOLE, {
      msg: 'DMAR: [DMA Write NO_PASID] Request device [0000:00:04.0] fault addr 0xffff000 [fault reason 0x05] PTE Write access is not set',
    });
    expect(kernel.calls).toEqual([['ioPageFault', 1, 0xffff000, 1]]);
    expect(kernel.names.device(1)).toBe('0000:00:04.0');
  });

  it('that takes several lines has the moment of the first, also at the end of the trace', () => {
    const kernel = bindKernel([CONSOLE]);
    const smmu = 'arm-smmu-v3 arm-smmu-v3.0.auto: ';
    const lines = ['event 0x10 received:', '0x0000000800000010', '0x0000020000000000', '0x00000000fffff040'];
    for (const [i, line] of lines.entries()) kernel.emit(CONSOLE, { msg: smmu + line }, { timeNs: 100 + i });
    expect(kernel.calls).toEqual([]);
    kernel.finish();
    expect(kernel.calls).toEqual([['ioPageFault', UNKNOWN, 0xffff_f040, 1]]);
    expect(kernel.moments[0]?.timeNs).toBe(100);
  });
});

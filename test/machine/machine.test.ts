import { describe, expect, it } from 'vitest';
import { Machine } from '../../src/machine/machine.ts';
import { newRecorder } from '../helpers/recorder.ts';

describe('a machine', () => {
  it('maps a page that a device then writes', () => {
    const { sink, calls } = newRecorder();
    const machine = new Machine({ iommu: 'vtd' });
    machine.tellTo(sink);
    const edu = machine.device('0000:00:04.0');
    const domain = machine.domainAlloc('A', 'unmanaged', edu);
    machine.domains.attach(edu, domain);
    const page = machine.allocPages();
    expect(machine.call(machine.iommuMap(domain, 0x40000000, page * 4096, 4096))).toBe(0);
    expect(machine.dmaWrite(edu, 0x40000000, 16, 0xabcd)).toMatchObject({ bytes: 16, pages: [page] });
    expect(machine.cpuRead(page)).toBe(0xabcd);
    expect(machine.sanitizer?.refs[page]).toBe(1);
    expect(machine.call(machine.iommuUnmap(domain, 0x40000000, 4096))).toBe(4096);
    expect(machine.dmaWrite(edu, 0x40000000, 16).fault).toBe('not-present');
    machine.freePages(page);
    expect(machine.log.lines).toEqual([]);
    expect(machine.truth.badAccesses).toBe(0);
    expect(calls.map(([method]) => method).filter(method => method !== 'pageAlloc')).toEqual([
      'domainAlloc',
      'domainAttach',
      'iommuMap',
      'iommuUnmapBegin',
      'iommuUnmapEnd',
      'iotlbFlush',
      'ioPageFault',
      'pageFree',
    ]);
  });
});

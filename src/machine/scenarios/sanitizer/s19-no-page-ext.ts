import { IOVA, MIB_2, PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

const MEMORY = 0x1000000;
const REGISTERS = 0xfe000000;

export const s19: Scenario = {
  id: 'S19',
  title: 'device registers, memory of a device and a hole are mapped',
  story:
    'None of them has a counter. v5 asked pfn_valid(), which is true of a device’s memory, and used the page_ext that it does not have.',
  machine: {
    memoryBytes: MEMORY,
    regions: [
      { kind: 'zone-device', start: MEMORY - MIB_2, size: MIB_2 },
      { kind: 'mmio', start: REGISTERS, size: PAGE },
    ],
  },
  run(s) {
    const a = s.domain('A');
    for (const phys of [REGISTERS, MEMORY - MIB_2, REGISTERS + MIB_2]) {
      s.map(a, IOVA, phys, PAGE);
      s.unmap(a, IOVA, PAGE);
    }
  },
  expected: {},
};

import { IOVA, MIB_2 } from '../places.ts';
import { IO_PGTABLE, type Scenario } from '../scenario.ts';

export const s10: Scenario = {
  id: 'S10',
  title: 'an unmap of 2 MiB takes a whole table with its holes',
  story:
    'io-pgtable unhooks the table without a look at what is in it: holes do not matter, and all of it is gone.',
  formats: IO_PGTABLE,
  run(s) {
    const a = s.domain('A');
    const p = s.page('P');
    const q = s.page('Q');
    s.map(a, IOVA, p);
    s.map(a, IOVA + 0x10000, q);
    s.unmap(a, IOVA, MIB_2);
    s.refs({ P: '0', Q: '0' });
    s.write(a, IOVA);
    s.free(p);
    s.free(q);
  },
  expected: {},
};

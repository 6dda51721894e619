import { SITE } from '../../sanitizer/sanitizer.ts';
import { PAGE } from '../places.ts';
import type { Scenario } from '../scenario.ts';

/** The last page of a 64-bit address space. */
const LAST = 2 ** 64 - PAGE;

export const s24: Scenario = {
  id: 'S24',
  title: 'an unmap that ends with the address space',
  story:
    'iova + size is 2^64, which is taken for an overflow: a warning, and nothing is counted down. Only tables with sign-extended addresses get there.',
  formats: ['x86'],
  run(s) {
    const a = s.domain('A');
    const page = s.page('P');
    s.map(a, LAST, page);
    s.refs({ P: '1' });
    s.unmap(a, LAST, PAGE);
    s.refs({ P: '1' });
    s.write(a, LAST);
    s.free(page);
  },
  expected: { log: { [SITE.update]: 1, [SITE.check]: 1 }, refs: { P: '1' } },
};

import { KERNEL_TABLE_SCENARIOS } from './kernel-tables/kernel-table-scenarios.ts';
import { PAGE_POOL_SCENARIOS } from './page-pool/page-pool-scenarios.ts';
import { s01 } from './sanitizer/s01-map-unmap-free.ts';
import { s02 } from './sanitizer/s02-free-while-mapped.ts';
import { s03 } from './sanitizer/s03-unmapped-at-last.ts';
import { s04 } from './sanitizer/s04-two-domains.ts';
import { s05 } from './sanitizer/s05-one-of-two-pages.ts';
import { s06 } from './sanitizer/s06-large-block.ts';
import { s07 } from './sanitizer/s07-two-buffers-in-a-page.ts';
import { s08 } from './sanitizer/s08-unmap-of-nothing.ts';
import { s09 } from './sanitizer/s09-hole.ts';
import { s10 } from './sanitizer/s10-whole-table.ts';
import { s11 } from './sanitizer/s11-part-of-a-block-refused.ts';
import { s12 } from './sanitizer/s12-part-of-a-leaf.ts';
import { s13 } from './sanitizer/s13-middle-of-a-leaf.ts';
import { s14 } from './sanitizer/s14-end-cuts-a-leaf.ts';
import { s15 } from './sanitizer/s15-map-fails-midway.ts';
import { s16 } from './sanitizer/s16-map-fails-at-once.ts';
import { s17 } from './sanitizer/s17-first-two-mebibytes.ts';
import { s18 } from './sanitizer/s18-flush-of-a-map-fails.ts';
import { s19 } from './sanitizer/s19-no-page-ext.ts';
import { s20 } from './sanitizer/s20-pieces-of-a-page.ts';
import { s21 } from './sanitizer/s21-large-granule.ts';
import { s22 } from './sanitizer/s22-domain-freed.ts';
import { s23 } from './sanitizer/s23-block-over-a-table.ts';
import { s24 } from './sanitizer/s24-end-of-the-address-space.ts';
import { s25 } from './sanitizer/s25-races.ts';
import { s26 } from './sanitizer/s26-lazy.ts';
import { s27 } from './sanitizer/s27-compaction.ts';
import { s28 } from './sanitizer/s28-count-below-zero.ts';
import { s29 } from './sanitizer/s29-poisoned-page.ts';
import { s30 } from './sanitizer/s30-half-a-page.ts';
import type { Scenario } from './scenario.ts';
import { VFIO_SCENARIOS } from './vfio/vfio-scenarios.ts';

/** Every scenario, in the order of its id. */
export const SCENARIOS: readonly Scenario[] = [
  s01,
  s02,
  s03,
  s04,
  s05,
  s06,
  s07,
  s08,
  s09,
  s10,
  s11,
  s12,
  s13,
  s14,
  s15,
  s16,
  s17,
  s18,
  s19,
  s20,
  s21,
  s22,
  s23,
  s24,
  s25,
  s26,
  s27,
  s28,
  s29,
  s30,
  ...VFIO_SCENARIOS,
  ...KERNEL_TABLE_SCENARIOS,
  ...PAGE_POOL_SCENARIOS,
];

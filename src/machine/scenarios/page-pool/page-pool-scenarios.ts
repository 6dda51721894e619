import type { Scenario } from '../scenario.ts';
import { p01 } from './p01-all-returned.ts';
import { p02 } from './p02-scrubbed.ts';
import { p03 } from './p03-not-scrubbed.ts';
import { p04 } from './p04-xdp.ts';
import { p05 } from './p05-return-meets-scrub.ts';
import { p06 } from './p06-no-index-bits.ts';
import { p07 } from './p07-not-recorded.ts';
import { p08 } from './p08-another-reference.ts';
import { p09 } from './p09-returned-twice.ts';
import { p10 } from './p10-freed-behind-the-pool.ts';
import { p11 } from './p11-memory-provider.ts';
import { p12 } from './p12-high-order.ts';
import { p13 } from './p13-managed.ts';
import { p14 } from './p14-bound-again.ts';
import { p15 } from './p15-device-removed.ts';
import { p16 } from './p16-failed-probe.ts';

/** P1 to P16: page_pool, the DMA API and the life of a driver. */
export const PAGE_POOL_SCENARIOS: readonly Scenario[] = [
  p01,
  p02,
  p03,
  p04,
  p05,
  p06,
  p07,
  p08,
  p09,
  p10,
  p11,
  p12,
  p13,
  p14,
  p15,
  p16,
];

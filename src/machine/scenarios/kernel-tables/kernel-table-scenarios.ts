import type { Scenario } from '../scenario.ts';
import { k01 } from './k01-no-sva.ts';
import { k02 } from './k02-freed-at-once.ts';
import { k03 } from './k03-invalidated-before-free.ts';
import { k04 } from './k04-queued-after-the-invalidation.ts';
import { k05 } from './k05-queued-after-the-splice.ts';
import { k06 } from './k06-bind-meets-the-work.ts';
import { k07 } from './k07-given-up-before-unlinked.ts';
import { k08 } from './k08-hot-remove.ts';
import { k09 } from './k09-pmd-page.ts';
import { k10 } from './k10-still-queued.ts';
import { k11 } from './k11-last-unbind.ts';
import { k12 } from './k12-booting.ts';
import { k13 } from './k13-where-the-flush-begins.ts';
import { k14 } from './k14-a-process-forgotten.ts';

/** Kernel page tables and SVA. */
export const KERNEL_TABLE_SCENARIOS: readonly Scenario[] = [
  k01,
  k02,
  k03,
  k04,
  k05,
  k06,
  k07,
  k08,
  k09,
  k10,
  k11,
  k12,
  k13,
  k14,
];

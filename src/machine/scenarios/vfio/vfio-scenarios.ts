import type { Scenario } from '../scenario.ts';
import { v1 } from './v1-page-by-page.ts';
import { v2 } from './v2-split-on-unmap.ts';
import { v3 } from './v3-chunks-of-one-page.ts';
import { v4 } from './v4-as-merged.ts';
import { v5 } from './v5-refused.ts';

/** How VFIO has taken mappings apart, and what the page tables made of it. */
export const VFIO_SCENARIOS: readonly Scenario[] = [v1, v2, v3, v4, v5];

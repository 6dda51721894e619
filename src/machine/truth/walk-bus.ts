import type { IommuDomain } from '../iommu/domain.ts';
import type { WordBus } from '../memory/physical-memory.ts';
import { type PhysicalMemory, WORD_SIZE } from '../memory/physical-memory.ts';
import type { Clock } from '../time/clock.ts';
import type { Truth } from './truth.ts';

/** For whom a table is walked. */
export interface Walker {
  readonly device: number;
  readonly domain: IommuDomain;
  /** Owner of the domain's page tables. */
  readonly owner: number;
}

/**
 * The bus of table walks: memory, and the truth that looks at what is read. A 64-bit entry is two words; it is judged
 * once, at its low one.
 */
export function walkBus(
  memory: PhysicalMemory,
  truth: Truth,
  clock: Clock,
  walkerNow: () => Walker | undefined,
): WordBus {
  const judge = (phys: number, isWrite: boolean): void => {
    if (phys % (2 * WORD_SIZE) !== 0) return;
    const walker = walkerNow();
    if (!walker) return;
    const { device, domain, owner } = walker;
    const pfn = Math.floor(phys / memory.pageSize);
    const access = { timeNs: clock.nowNs, device, domain, iova: 0, pfn, isWrite, isStale: true, stamp: -1 };
    truth.walk(access, owner);
  };
  return {
    read(phys) {
      judge(phys, false);
      return memory.read(phys);
    },
    write(phys, word) {
      judge(phys, true);
      memory.write(phys, word);
    },
  };
}

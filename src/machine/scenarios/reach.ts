import type { Device } from '../device/device.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import type { Machine } from '../machine.ts';
import type { NamedPages } from './named-pages.ts';

/** A part of a domain's address space that a scenario has used. */
export interface UsedRange {
  readonly domain: IommuDomain;
  readonly iova: number;
  readonly size: number;
}

/** The smallest page of any format. */
const STEP = 4096;

/**
 * Which named pages each device could reach now, through its tables or through what it has cached: one line for each
 * device that reaches any.
 */
export function reachOf(
  machine: Machine,
  devices: readonly Device[],
  ranges: readonly UsedRange[],
  named: readonly NamedPages[],
): string[] {
  return devices.flatMap(device => {
    const byTable = new Set<number>();
    const byCache = new Set<number>();
    const pfnOf = (phys: number): number => Math.floor(phys / machine.memory.pageSize);
    for (const { domain, iova, size } of ranges) {
      if (domain !== device.domain || !domain.devices.has(device.id)) continue;
      for (let at = iova; at < iova + size; at += STEP) {
        const phys = domain.pageTable?.iovaToPhys(at) ?? 0;
        if (phys !== 0) byTable.add(pfnOf(phys));
      }
    }
    machine.iommu.unit.forEachCached(device.id, (_iova, size, phys) => {
      for (let at = phys; at < phys + size; at += STEP) byCache.add(pfnOf(at));
    });
    const texts = named.flatMap(pages => {
      const reached = countIn(pages, byTable);
      const stale = countIn(pages, byCache, byTable);
      return [...partText(machine, pages, reached, ''), ...partText(machine, pages, stale, ', by its cache')];
    });
    return texts.length === 0 ? [] : [`${device.name}: ${texts.join(', ')}`];
  });
}

function countIn(
  { pfn, pages }: NamedPages,
  reached: ReadonlySet<number>,
  but?: ReadonlySet<number>,
): number[] {
  const list: number[] = [];
  for (let page = pfn; page < pfn + pages; page++) if (reached.has(page) && !but?.has(page)) list.push(page);
  return list;
}

/** `P`, `block (511 of 512 pages)`, with whose the page is now where it is not the scenario's any more. */
function partText(machine: Machine, pages: NamedPages, reached: readonly number[], how: string): string[] {
  const [first] = reached;
  if (first === undefined) return [];
  const part = reached.length === pages.pages ? '' : `${reached.length} of ${pages.pages} pages`;
  const free = reached.filter(pfn => machine.truth.owners.owner[pfn] === 0).length;
  const state = free === 0 ? '' : free === reached.length ? 'free' : `${free} free`;
  const notes = [part, state, how.replace(', ', '')].filter(note => note !== '').join(', ');
  return [notes === '' ? pages.name : `${pages.name} (${notes})`];
}

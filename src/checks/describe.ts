import type { MappingRef } from '../findings/finding.ts';
import type { IncidentEvent } from '../findings/incident.ts';
import { UNKNOWN } from '../kernel/events.ts';
import { FRAME_SIZE, hex } from '../kernel/units.ts';
import type { CheckContext } from './check.ts';

/** Other mappings that a finding names; the report says how many pages there are in all. */
export const OTHERS_TOLD = 8;

/** Device and driver of a finding, as far as they are known. */
export interface Owner {
  readonly device: string | undefined;
  readonly driver: string | undefined;
}

export function ownerOf(context: CheckContext, device: number): Owner {
  return {
    device: context.names.device(device),
    driver: device === UNKNOWN ? undefined : context.names.driver(context.shadow.devices.get(device).driver),
  };
}

export function ownerOfMapping(context: CheckContext, id: number): Owner {
  return ownerOf(context, context.shadow.deviceOf(id));
}

/** `0000:00:04.0 (e1000e)`, or what else is known of who can reach the memory. */
export function ownerWords(owner: Owner): string {
  if (owner.device === undefined) return 'a device';
  return owner.driver === undefined ? owner.device : `${owner.device} (${owner.driver})`;
}

/** Who made a mapping; or that it was there when the recording began. */
export function madeEvent({ shadow }: CheckContext, id: number): IncidentEvent {
  return { role: shadow.wasFound(id) ? 'found mapped' : 'mapped', at: shadow.mappings.madeAt(id) };
}

/** A mapping as a finding tells it; with `iovaPage` and `pages`, a part of it. */
export function mappingRef(
  context: CheckContext,
  id: number,
  iovaPage = context.shadow.mappings.iovaPage[id] as number,
  pages = context.shadow.mappings.pages[id] as number,
): MappingRef {
  const { mappings } = context.shadow;
  // Of one that was found its page table is known, not its domain.
  const domain = context.shadow.wasFound(id)
    ? undefined
    : context.names.domain(mappings.domain[id] as number);
  const device = context.names.device(context.shadow.deviceOf(id));
  return {
    iova: hex(iovaPage * FRAME_SIZE),
    phys: hex(mappings.frameAt(id, iovaPage) * FRAME_SIZE),
    sizeBytes: pages * FRAME_SIZE,
    ...(domain === undefined ? {} : { domain }),
    ...(device === undefined ? {} : { device }),
  };
}

/** A page by its number and its physical address. */
export function pageRef(context: CheckContext, pfn: number): { pfn: string; phys: string } {
  return { pfn: hex(pfn), phys: hex(pfn * context.shadow.pageSize) };
}

/** Pages of the kernel's size in a number of bytes, at least 1. */
export function pagesOf(context: CheckContext, bytes: number): number {
  return Math.max(1, Math.ceil(bytes / context.shadow.pageSize));
}

/** `1 page`, `511 pages` */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

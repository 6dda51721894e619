import type { DmaKind } from '../kernel/dma.ts';
import type { Moment } from '../kernel/moment.ts';
import { FRAME_SIZE } from '../kernel/units.ts';
import type { Shadow } from '../shadow/shadow.ts';

/** An unmap call of the DMA API for which no live mapping is known, and what that may mean. */
export interface UnknownUnmap {
  /** The mapping of another device at this address, or 0. */
  readonly otherDevices: number;
  /** The mapping of this device that was undone already, or 0. */
  readonly former: number;
}

/**
 * Judges an unmap whose mapping is not known. Most of these are of mappings made before the trace began: only where
 * nothing was there to be unmapped is it a bug.
 *
 * For `single` mappings the IOMMU's unmap has come before, in the same context: if it removed something at this
 * address, the mapping was real. For the other kinds it comes later, and only a mapping that is known to have been
 * undone tells. So it is for devices that no IOMMU translates for.
 *
 * Two devices have equal addresses all the time where an IOMMU gives each its own. Without one they do not, but that
 * a device was not seen to translate yet does not say that it does not: the other mapping must be at its own
 * physical address.
 *
 * @returns `undefined` where there is nothing to say
 */
export function judgeUnknownUnmap(
  shadow: Shadow,
  at: Readonly<Moment>,
  kind: DmaKind,
  device: number,
  address: number,
  size: number,
): UnknownUnmap | undefined {
  const { translated } = shadow.devices.get(device);
  const single = kind === 'single';
  if (single && wasJustUnmapped(shadow, at, address, size)) return undefined;
  const former = shadow.dma.findFormer(device, address);
  if (former !== 0) return { otherDevices: 0, former };
  const otherDevices = shadow.dma.findOfOtherDevice(device, address, size);
  if (translated) return single ? { otherDevices, former } : undefined;
  return otherDevices !== 0 && shadow.dma.phys[otherDevices] === address
    ? { otherDevices, former }
    : undefined;
}

/** Whether the unmap of the IOMMU that a DMA API call made removed something at the address. */
function wasJustUnmapped(shadow: Shadow, at: Readonly<Moment>, address: number, size: number): boolean {
  const calls = shadow.recentCalls(at);
  const end = Math.ceil((address + size) / FRAME_SIZE) * FRAME_SIZE;
  return calls.unmapIova < end && calls.unmapEnd > address;
}

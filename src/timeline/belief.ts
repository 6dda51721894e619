import type { Belief } from '../findings/life.ts';
import { UNKNOWN } from '../kernel/events.ts';
import { FRAME_SIZE } from '../kernel/units.ts';
import type { DriverState } from '../shadow/devices.ts';
import type { Shadow } from '../shadow/shadow.ts';
import type { Subject } from './subject.ts';

const DRIVER: Readonly<Record<DriverState, NonNullable<Belief['driver']>>> = {
  unseen: 'not seen',
  bound: 'bound',
  cleaning: 'leaving',
  unbound: 'gone',
};

/** What the shadow believes of a subject at this moment. */
export function beliefOf(shadow: Shadow, { pfn, device, mapping }: Subject): Belief {
  const reachedBy = pfn < 0 ? -1 : shadow.accounting.mappingsOf(pfn);
  return {
    ...(pfn >= 0 && { page: shadow.pages.state(pfn) }),
    ...(reachedBy >= 0 && { reachedBy }),
    ...(mapping !== 0 && {
      mappedBytes: mapping < 0 ? 0 : (shadow.mappings.left[mapping] as number) * FRAME_SIZE,
    }),
    ...(device !== UNKNOWN && { driver: DRIVER[shadow.devices.get(device).state] }),
  };
}

import { readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A device and the driver that is bound to it. */
export interface BoundDriver {
  readonly device: string;
  readonly driver: string;
}

/** The devices that an IOMMU translates for, and their drivers: each is in a group. */
export function boundDrivers(groups = '/sys/kernel/iommu_groups'): BoundDriver[] {
  return entries(groups).flatMap(group =>
    entries(join(groups, group, 'devices')).flatMap(device => {
      try {
        return [{ device, driver: basename(readlinkSync(join(groups, group, 'devices', device, 'driver'))) }];
      } catch {
        return []; // No driver is bound.
      }
    }),
  );
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

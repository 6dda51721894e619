import type { Moment } from '../kernel/moment.ts';
import type { SourceNames } from '../kernel/source.ts';
import type { Device } from '../shadow/devices.ts';

/** Functions below which a driver's managed resources are released (drivers/base/dd.c, drivers/base/devres.c). */
const RELEASING = /^(?:device_unbind_cleanup|devres_release_all|release_nodes)\b/;

/**
 * Whether an unmap belongs to the unbind that is under way: devres releases what the driver left to it, in the
 * thread of execution that unbinds, after the driver is gone. A recorded stack decides; without one the thread does.
 */
export function isReleasedByDevres(names: SourceNames, device: Device, at: Readonly<Moment>): boolean {
  if (device.state !== 'cleaning' || device.cleanup?.context !== at.context) return false;
  const stack = names.stack(at.stack);
  return (
    stack.length === 0 || stack.some(frame => frame.symbol !== undefined && RELEASING.test(frame.symbol))
  );
}

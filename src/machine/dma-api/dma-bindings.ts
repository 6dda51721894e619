import type { Device } from '../device/device.ts';
import type { Emission } from '../events/emission.ts';
import type { DeadUnmapKind, Truth } from '../truth/truth.ts';

/** In which binding of its device each DMA mapping was made: the truth behind an unmap. */
export class DmaBindings {
  private readonly truth: Truth;
  private readonly emission: Emission;
  private readonly bindingOf = new Map<string, number>();

  constructor(truth: Truth, emission: Emission) {
    this.truth = truth;
    this.emission = emission;
  }

  mapped(device: Device, address: number): void {
    this.bindingOf.set(keyOf(device, address), device.binding);
  }

  /** The mapping is undone with another. */
  forget(device: Device, address: number): void {
    this.bindingOf.delete(keyOf(device, address));
  }

  /** An unmap is about to take the way that the device has now. */
  unmapping(device: Device, address: number): void {
    const key = keyOf(device, address);
    const binding = this.bindingOf.get(key);
    this.bindingOf.delete(key);
    if (binding === undefined) return;
    const kind = whatIsDead(device, binding);
    if (kind) this.truth.deadUnmap({ kind, timeNs: this.emission.now(), device: device.id, address });
  }
}

/** A driver may unmap until devres has released everything of it, and nobody may afterwards. */
function whatIsDead(device: Device, binding: number): DeadUnmapKind | undefined {
  if (device.state === 'removed') return 'device removed';
  if (device.state === 'unbound') return binding > 0 ? 'driver gone' : undefined;
  return device.binding === binding ? undefined : 'bound again since';
}

function keyOf(device: Device, address: number): string {
  return `${device.id} ${address}`;
}

import type { Device } from '../device/device.ts';
import type { DmaDebug } from '../dma-api/dma-debug.ts';
import type { DmaIommu } from '../dma-iommu/dma-iommu.ts';
import type { Emission } from '../events/emission.ts';
import type { DomainType } from '../iommu/domain.ts';
import type { Domains } from '../iommu/domains.ts';
import { MachineError } from '../machine-error.ts';
import type { Kernel } from '../threads/thread.ts';

export interface DriverModelHost {
  readonly emission: Emission;
  readonly domains: Domains;
  readonly dmaIommu: DmaIommu;
  readonly dmaDebug: DmaDebug;
  readonly defaultDomainType: DomainType;
}

/**
 * Drivers come to devices and leave them, with the stages that others are told of: drivers/base/dd.c and
 * drivers/iommu/iommu.c, Linux 7.2.
 */
export class DriverModel {
  private readonly host: DriverModelHost;

  constructor(host: DriverModelHost) {
    this.host = host;
  }

  /** `device_add()` behind an IOMMU: a group of its own, with a default domain that its DMA API uses. */
  add(device: Device): void {
    const { domains, defaultDomainType } = this.host;
    const domain = domains.alloc(`default domain of ${device.name}`, defaultDomainType, device);
    domains.attach(device, domain);
    device.usesDmaIommu = true;
  }

  /**
   * `really_probe()`. A probe that fails is cleaned up after like an unbind, but nobody is told that it is over:
   * `BUS_NOTIFY_DRIVER_NOT_BOUND` comes before the resources are released.
   *
   * @param probe what the driver does; it returns whether it wants the device
   */
  *bind(device: Device, driver: string, probe?: Kernel<boolean>): Kernel<boolean> {
    if (device.state !== 'unbound') throw new MachineError(`${device.name} is ${device.state}`);
    const { emission } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('really_probe'));
    emission.sink.driverProbe(emission.moment(), device.id, emission.names.drivers.id(driver));
    device.driver = driver;
    device.state = 'probing';
    device.binding++;
    const wanted = probe === undefined || (yield* probe);
    if (wanted) device.state = 'bound';
    else yield* this.cleanUp(device);
    emission.leave(caller);
    return wanted;
  }

  /**
   * `__device_release_driver()`: the driver's remove, then what devres manages, then `BUS_NOTIFY_UNBOUND_DRIVER`, at
   * which dma-debug counts what is left. Group, default domain and its mappings stay.
   */
  *unbind(device: Device, remove?: Kernel): Kernel {
    if (device.state !== 'bound') throw new MachineError(`${device.name} has no driver to unbind`);
    const { emission, dmaDebug } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('device_release_driver_internal'));
    if (remove) yield* remove;
    yield* this.cleanUp(device);
    emission.sink.driverUnbound(emission.moment(), device.id);
    if (device.isPci) dmaDebug.unbound(device);
    emission.leave(caller);
  }

  /**
   * `device_del()`: the driver leaves, then `iommu_release_device()` frees the default domain with whatever it maps and
   * takes dma-iommu away. What is unmapped later goes through dma-direct.
   */
  *remove(device: Device, remove?: Kernel): Kernel {
    const { emission, domains, dmaIommu } = this.host;
    const caller = emission.enter(emission.names.stacks.symbol('device_del'));
    if (device.state === 'bound') yield* this.unbind(device, remove);
    device.state = 'removed';
    const { domain } = device;
    domains.detach(device);
    device.domain = undefined;
    device.usesDmaIommu = false;
    if (domain && domain.devices.size === 0) {
      dmaIommu.forget(domain);
      domains.free(domain);
    }
    emission.leave(caller);
  }

  /** `devres_add()`: done when the driver goes, before anybody looks for leaks. */
  manage(device: Device, release: () => Kernel): void {
    device.managed.push(release);
  }

  /** `device_unbind_cleanup()` */
  private *cleanUp(device: Device): Kernel {
    const { emission } = this.host;
    const { stacks } = emission.names;
    const caller = emission.enter(stacks.symbol('device_unbind_cleanup'));
    device.state = 'cleaning';
    emission.sink.driverCleanup(emission.moment(), device.id);
    const inner = emission.enter(stacks.symbol('devres_release_all'));
    for (let release = device.managed.pop(); release; release = device.managed.pop()) yield* release();
    emission.leave(inner);
    device.driver = undefined;
    device.state = 'unbound';
    emission.leave(caller);
  }
}

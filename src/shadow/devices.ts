import { UNKNOWN } from '../kernel/events.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';

/** `unseen`: the trace has not shown a bind or unbind yet; the driver may well be bound since before. */
export type DriverState = 'unseen' | 'bound' | 'cleaning' | 'unbound';

/** What is believed of one device. */
export interface Device {
  state: DriverState;
  driver: number;
  /** Counts the probes of this device; mappings carry the generation that made them. */
  generation: number;
  /** When the last unbind began, and in which thread of execution devres releases. */
  cleanup: Moment | undefined;
  /** Whether the device was seen to translate through an IOMMU domain. */
  translated: boolean;
}

/** Devices and the drivers bound to them. */
export class Devices {
  private readonly byId: (Device | undefined)[] = [];
  /** Whether the source shows that drivers are bound; some show only that they leave. */
  private showsProbes = false;
  /** Counts the changes of what is believed of any device. */
  changes = 0;

  /** Devices have ids below this. */
  get count(): number {
    return this.byId.length;
  }

  get(id: number): Device {
    let device = this.byId[id];
    if (!device) {
      device = { state: 'unseen', driver: UNKNOWN, generation: 0, cleanup: undefined, translated: false };
      this.byId[id] = device;
      this.changes++;
    }
    return device;
  }

  /** The driver is bound since before the source began, unless the source has shown otherwise meanwhile. */
  found(id: number, driver: number): void {
    const device = this.get(id);
    if (device.state !== 'unseen') return;
    this.changes++;
    device.state = 'bound';
    device.driver = driver;
  }

  /** The device was seen to translate through an IOMMU domain. */
  translates(id: number): void {
    const device = this.get(id);
    if (device.translated) return;
    device.translated = true;
    this.changes++;
  }

  probe(id: number, driver: number): void {
    this.showsProbes = true;
    this.bind(id, driver);
  }

  /**
   * A mapping was made for the device. Where the source does not show probes, that tells that a driver which was seen to
   * leave has been followed by another.
   */
  mapped(id: number): Device {
    const device = this.get(id);
    if (this.showsProbes || (device.state !== 'unbound' && device.state !== 'cleaning')) return device;
    this.bind(id, UNKNOWN);
    return device;
  }

  private bind(id: number, driver: number): void {
    const device = this.get(id);
    // really_probe() names the driver, the notifier right after it does not.
    if (driver === UNKNOWN && device.state === 'bound') return;
    this.changes++;
    device.state = 'bound';
    device.driver = driver;
    device.generation++;
    device.cleanup = undefined;
  }

  cleanup(at: Readonly<Moment>, id: number): void {
    const device = this.get(id);
    this.changes++;
    device.state = 'cleaning';
    device.cleanup = copyMoment(at);
  }

  unbound(at: Readonly<Moment>, id: number): void {
    const device = this.get(id);
    this.changes++;
    device.state = 'unbound';
    device.cleanup ??= copyMoment(at);
  }
}

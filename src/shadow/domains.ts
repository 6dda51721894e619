import { UNKNOWN } from '../kernel/events.ts';

interface Domain {
  readonly devices: Set<number>;
  /** The only device, or {@link UNKNOWN} where there is none or more than one. */
  sole: number;
  /** The domain was made by a driver for itself, not by the DMA API. */
  own: boolean;
}

/** Which devices translate through which domain: told by probes, or learnt from DMA API calls around a map. */
export class Domains {
  private readonly byId: (Domain | undefined)[] = [];
  /** Counts the changes of what is believed of any domain. */
  changes = 0;

  /** Domains have ids below this. */
  get count(): number {
    return this.byId.length;
  }

  /** A driver or a subsystem allocated the domain for `device`. */
  allocated(domain: number, device: number): void {
    this.changes++;
    this.byId[domain] = { devices: new Set(device === UNKNOWN ? [] : [device]), sole: device, own: true };
  }

  attached(domain: number, device: number): void {
    if (domain === UNKNOWN || device === UNKNOWN) return;
    const known = this.byId[domain];
    if (!known) {
      this.changes++;
      this.byId[domain] = { devices: new Set([device]), sole: device, own: false };
      return;
    }
    if (known.devices.has(device)) return;
    this.changes++;
    known.devices.add(device);
    known.sole = known.devices.size === 1 ? device : UNKNOWN;
  }

  /** The kernel may give the address of a freed domain to the next one. */
  freed(domain: number): void {
    this.changes++;
    this.byId[domain] = undefined;
  }

  /** The device of a domain, if it is known and the only one. */
  soleDevice(domain: number): number {
    return this.byId[domain]?.sole ?? UNKNOWN;
  }

  /** Whether a device may translate through the domain: it is one of its devices, or one of the two is not known. */
  mayBeOf(domain: number, device: number): boolean {
    const devices = this.byId[domain]?.devices;
    return device === UNKNOWN || devices === undefined || devices.size === 0 || devices.has(device);
  }

  /** Whether a driver manages this domain itself, so that it may outlive a driver's binding. */
  isOwn(domain: number): boolean {
    return this.byId[domain]?.own ?? false;
  }
}

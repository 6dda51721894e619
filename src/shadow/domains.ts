import { UNKNOWN } from '../kernel/events.ts';

interface Domain {
  readonly devices: Set<number>;
  /** The domain was made by a driver for itself, not by the DMA API. */
  own: boolean;
}

/** Which devices translate through which domain: told by probes, or learnt from DMA API calls around a map. */
export class Domains {
  private readonly byId = new Map<number, Domain>();

  /** A driver or a subsystem allocated the domain for `device`. */
  allocated(domain: number, device: number): void {
    this.byId.set(domain, { devices: new Set(device === UNKNOWN ? [] : [device]), own: true });
  }

  attached(domain: number, device: number): void {
    if (domain === UNKNOWN || device === UNKNOWN) return;
    const known = this.byId.get(domain);
    if (known) known.devices.add(device);
    else this.byId.set(domain, { devices: new Set([device]), own: false });
  }

  /** The kernel may give the address of a freed domain to the next one. */
  freed(domain: number): void {
    this.byId.delete(domain);
  }

  /** The device of a domain, if it is known and the only one. */
  soleDevice(domain: number): number {
    const known = this.byId.get(domain);
    if (known?.devices.size !== 1) return UNKNOWN;
    for (const device of known.devices) return device;
    return UNKNOWN;
  }

  /** Whether a driver manages this domain itself, so that it may outlive a driver's binding. */
  isOwn(domain: number): boolean {
    return this.byId.get(domain)?.own ?? false;
  }
}

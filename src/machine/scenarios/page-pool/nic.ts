import { hex } from '../../../kernel/units.ts';
import type { Device } from '../../device/device.ts';
import type { PagePool, PagePoolOptions } from '../../page-pool/page-pool.ts';
import type { Kernel } from '../../threads/thread.ts';
import type { NamedPages } from '../named-pages.ts';
import type { Stage } from '../stage.ts';

/**
 * A network card and its driver in a scenario: buffers of a page_pool, some of which the network stack has while the
 * driver goes.
 */
export class Nic {
  readonly device: Device;
  private readonly stage: Stage;

  constructor(stage: Stage) {
    this.stage = stage;
    const { machine } = stage;
    this.device = machine.device('0000:00:04.0');
    machine.drivers.add(this.device);
    stage.watch(this.device);
    this.bind();
  }

  /** The driver comes; again, where it was there before. */
  bind(probe?: Kernel<boolean>): boolean {
    const { machine } = this.stage;
    const wanted = machine.call(machine.drivers.bind(this.device, 'nic', probe));
    this.stage.tell(`driver nic is bound to ${this.device.name}`, wanted ? '' : 'probe failed');
    return wanted;
  }

  /** `page_pool_create()` */
  pool(options: PagePoolOptions = {}): PagePool {
    const pool = this.stage.machine.pagePool('rx', this.device, options);
    this.stage.tell('page_pool_create(rx)');
    return pool;
  }

  /** The driver takes a page of the pool: the card writes into it, and the stack gets it. */
  take(pool: PagePool, name: string): NamedPages {
    const { machine } = this.stage;
    const pfn = machine.call(machine.inside('nic_alloc_rx[nic]', pool.alloc()));
    const pages = this.stage.name(name, pfn, 2 ** pool.order);
    if (this.device.domain) this.stage.used(this.device.domain, pool.dmaAddress(pfn), pages.sizeBytes);
    this.stage.tell('page_pool_alloc_pages(rx)', name);
    return pages;
  }

  giveBack(pool: PagePool, page: NamedPages): void {
    const { machine } = this.stage;
    machine.call(machine.inside('napi_consume_skb', pool.put(page.pfn)));
    this.stage.tell(`page_pool_put_page(${page.name})`);
  }

  destroy(pool: PagePool): void {
    const { machine } = this.stage;
    machine.call(machine.inside('nic_close[nic]', pool.destroy()));
    this.stage.tell('page_pool_destroy(rx)', `${pool.inflight} in flight`);
  }

  unbind(): void {
    const { machine } = this.stage;
    machine.call(machine.drivers.unbind(this.device));
    this.stage.tell(`driver nic leaves ${this.device.name}`);
  }

  /** The device is removed from the machine. */
  remove(): void {
    const { machine } = this.stage;
    machine.call(machine.drivers.remove(this.device));
    this.stage.tell(`device_del(${this.device.name})`);
  }

  /** A buffer that the driver maps for itself. */
  map(page: NamedPages): number {
    const { machine } = this.stage;
    const address = machine.call(
      machine.inside('nic_map[nic]', machine.dma.map(this.device, page.phys, page.sizeBytes)),
    );
    machine.dma.mappingError(this.device, address);
    if (address !== undefined && this.device.domain) {
      this.stage.used(this.device.domain, address, page.sizeBytes);
    }
    this.stage.tell(`dma_map_phys(${page.name})`, hex(address ?? 0));
    return address ?? 0;
  }

  unmap(address: number, page: NamedPages): void {
    const { machine } = this.stage;
    machine.call(machine.inside('nic_unmap[nic]', machine.dma.unmap(this.device, address, page.sizeBytes)));
    this.stage.tell(`dma_unmap_phys(${hex(address)})`);
  }

  write(address: number): void {
    this.stage.write({ device: this.device }, address);
  }

  /** Time passes: the pool looks once a second whether its pages are back. */
  wait(seconds: number): void {
    this.stage.machine.scheduler.sleep(seconds * 1e9);
    this.stage.tell(`${seconds} s later`);
  }
}

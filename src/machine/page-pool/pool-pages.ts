import type { Device } from '../device/device.ts';

/** What a page_pool writes into `struct page`: `dma_addr`, and the index in `pp_magic` (0 where it is not recorded). */
export interface PoolFields {
  readonly address: number;
  readonly index: number;
}

/** A mapping that a page_pool made and nobody has undone, whatever has become of the page since. */
interface PoolMapping {
  readonly pool: object;
  readonly pfn: number;
  readonly address: number;
}

/**
 * What all page_pools share, because it stands in the pages themselves: a page that was freed behind one pool and taken
 * by another tells the first one the address and the index of the second. Beside it the truth: whose each mapping is.
 */
export class PoolPages {
  private readonly fields = new Map<number, PoolFields>();
  private readonly mappings = new Map<string, PoolMapping>();

  /** `undefined` where `dma_addr` is 0. */
  fieldsOf(pfn: number): PoolFields | undefined {
    return this.fields.get(pfn);
  }

  setFields(pfn: number, fields: PoolFields): void {
    this.fields.set(pfn, fields);
  }

  /** `page_pool_set_dma_addr(page, 0)` */
  clearFields(pfn: number): void {
    this.fields.delete(pfn);
  }

  /** The allocator links the page into a list: the link stands where `pp_magic` was, and is the index of no page. */
  freed(pfn: number): void {
    const fields = this.fields.get(pfn);
    if (fields) this.fields.set(pfn, { address: fields.address, index: 0 });
  }

  mapped(pool: object, device: Device, pfn: number, address: number): void {
    this.mappings.set(keyOf(device, address), { pool, pfn, address });
  }

  /** An unmap takes what is at the address, whoever mapped it. */
  unmapped(device: Device, address: number): void {
    this.mappings.delete(keyOf(device, address));
  }

  /** Pages that a pool has mapped and nobody has unmapped, with their DMA address. */
  mappedBy(pool: object): [pfn: number, address: number][] {
    return [...this.mappings.values()]
      .filter(mapping => mapping.pool === pool)
      .map(({ pfn, address }) => [pfn, address]);
  }
}

function keyOf(device: Device, address: number): string {
  return `${device.id} ${address}`;
}

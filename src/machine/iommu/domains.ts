import type { Device } from '../device/device.ts';
import type { NameList } from '../events/machine-names.ts';
import { MachineError } from '../machine-error.ts';
import { ownedTables } from '../memory/owned-tables.ts';
import type { PageAllocator } from '../memory/page-allocator.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { createPageTable, type PageTableOptions } from '../page-tables/create-page-table.ts';
import type { PageTable, PageTableFormat } from '../page-tables/page-table.ts';
import type { IommuContext } from './context.ts';
import type { DomainType, IommuDomain } from './domain.ts';

export interface DomainsHost {
  readonly core: IommuContext;
  readonly allocator: PageAllocator;
  readonly memory: PhysicalMemory;
  readonly owners: NameList;
  readonly format: PageTableFormat;
  readonly tableOptions: PageTableOptions;
  /** For tests: another table in the place of the one that was made. */
  readonly wrapTable: (table: PageTable) => PageTable;
}

/** The domains of the machine: made, given to devices, freed. */
export class Domains {
  private readonly host: DomainsHost;
  private readonly byId = new Map<number, IommuDomain>();
  private readonly tableOwners = new Map<number, number>();

  constructor(host: DomainsHost) {
    this.host = host;
  }

  /** `iommu_paging_domain_alloc()`, or the default domain of a group. `device` is for whom; it is not attached yet. */
  alloc(name: string, type: DomainType, device?: Device): IommuDomain {
    const { core, allocator, memory, owners, format, tableOptions, wrapTable } = this.host;
    const { emission } = core;
    const id = emission.names.domains.id(name);
    if (this.byId.has(id)) throw new MachineError(`there is a domain ${name} already`);
    const owner = owners.id(`page tables of ${name}`);
    this.tableOwners.set(id, owner);
    core.truth.tableOwners.add(owner);
    let domain: IommuDomain | undefined;
    const isPaging = type !== 'identity' && type !== 'blocked';
    const pageTable = isPaging
      ? wrapTable(
          createPageTable(
            format,
            {
              memory,
              log: core.log,
              tables: ownedTables(allocator, memory.pageSize, owner, core.faults),
              flushWalk: (iova, size, granule) => {
                if (domain) core.unit.flushWalk(domain, iova, size, granule);
              },
              syncGather: gather => {
                if (domain) core.unit.sync(domain, gather);
              },
            },
            tableOptions,
          ),
        )
      : undefined;
    domain = { id, name, type, pageTable, devices: new Set() };
    this.byId.set(id, domain);
    // Default domains come from a static function, on which no probe can be.
    if (type === 'unmanaged') emission.sink.domainAlloc(emission.moment(), id, device?.id ?? 0);
    return domain;
  }

  /** `iommu_attach_device()` */
  attach(device: Device, domain: IommuDomain): void {
    const { unit, emission } = this.host.core;
    device.domain?.devices.delete(device.id);
    device.domain = domain;
    domain.devices.add(device.id);
    unit.attach(device.id, domain);
    emission.sink.domainAttach(emission.moment(), domain.id, device.id);
  }

  /** `iommu_detach_device()`: the kernel has no event for it. Accesses of the device are blocked from now on. */
  detach(device: Device): void {
    device.domain?.devices.delete(device.id);
    this.host.core.unit.detach(device.id);
  }

  /** `iommu_domain_free()`: the tables go, whatever they map; the sanitizer is not told. */
  free(domain: IommuDomain): void {
    if (domain.devices.size > 0) throw new MachineError(`domain ${domain.name} still has devices`);
    if (!this.byId.delete(domain.id)) throw new MachineError(`domain ${domain.name} is freed already`);
    const { emission } = this.host.core;
    emission.sink.domainFree(emission.moment(), domain.id);
    domain.pageTable?.destroy();
  }

  /** The owner that the truth knows for the tables of a domain. */
  tableOwner(domain: IommuDomain): number {
    return this.tableOwners.get(domain.id) ?? 0;
  }

  all(): IterableIterator<IommuDomain> {
    return this.byId.values();
  }
}

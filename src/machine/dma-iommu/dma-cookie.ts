import type { IommuContext } from '../iommu/context.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import { isPaging } from '../iommu/domain.ts';
import { lowestBit } from '../iommu/pgsize.ts';
import { MachineError } from '../machine-error.ts';
import type { Timers } from '../time/timers.ts';
import { FlushQueue, type FlushQueueOptions } from './flush-queue.ts';
import { IovaDomain } from './iova-domain.ts';

/** The window of the MSI doorbell of x86 machines, `IOAPIC_RANGE_START` to `IOAPIC_RANGE_END`: reserved in each domain. */
const X86_MSI_WINDOW = { start: 0xfee00000, size: 0x100000 };

/** What the DMA API needs of the machine. */
export interface DmaIommuHost {
  readonly core: IommuContext;
  readonly timers: Timers;
  readonly cpus: number;
  freeTables(tables: readonly number[]): void;
  readonly flushQueue?: Omit<FlushQueueOptions, 'cpus'>;
}

/** `struct iommu_dma_cookie`: the IOVAs of a DMA domain, and its flush queue where it is lazy. */
export interface DmaCookie {
  readonly iovas: IovaDomain;
  readonly flushQueue: FlushQueue | undefined;
  /** Bytes of the smallest page: the unit in which IOVAs are handed out. */
  readonly granule: number;
  /** `pci_32bit_workaround`: addresses below 4 GiB are used up before others are handed out. */
  prefers32Bit: boolean;
}

/** `iommu_dma_init_domain()` */
export function newDmaCookie(host: DmaIommuHost, domain: IommuDomain): DmaCookie {
  if (!isPaging(domain)) throw new MachineError(`the DMA API has no addresses in the domain ${domain.name}`);
  const { core, timers, cpus } = host;
  const granule = lowestBit(domain.pageTable.pgsizeBitmap);
  const iovas = new IovaDomain({ granuleShift: Math.log2(granule), cpus });
  if (domain.pageTable.format !== 'arm-lpae') {
    const first = X86_MSI_WINDOW.start / granule;
    iovas.reserve(first, first + X86_MSI_WINDOW.size / granule - 1);
  }
  const flushQueue =
    domain.type === 'dma-fq'
      ? new FlushQueue(
          {
            timers,
            flushAll() {
              core.spend(core.costs.flush);
              core.unit.flushAll(domain);
            },
            freeIova: (cpu, page, pages) => iovas.freeFast(cpu, page, pages),
            freeTables: tables => host.freeTables(tables),
          },
          { cpus, ...host.flushQueue },
        )
      : undefined;
  return { iovas, flushQueue, granule, prefers32Bit: true };
}

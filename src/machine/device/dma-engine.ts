import type { Emission } from '../events/emission.ts';
import type { FaultReason, IommuUnit, Translation } from '../iommu/iommu-unit.ts';
import { newTranslation } from '../iommu/iommu-unit.ts';
import { type PhysicalMemory, WORD_SIZE } from '../memory/physical-memory.ts';
import type { Clock } from '../time/clock.ts';
import type { Truth } from '../truth/truth.ts';
import type { Device } from './device.ts';

/** What became of an access. */
export interface DmaResult {
  /** Bytes that went through before a fault; all of them where there was none. */
  readonly bytes: number;
  /** Why the IOMMU refused the rest. */
  readonly fault: FaultReason | undefined;
  /** Physical pages that were reached, in order. */
  readonly pages: readonly number[];
}

/** Sees each access of a device before it is judged. */
export type AccessListener = (device: number, iova: number, pfn: number, isWrite: boolean) => void;

/**
 * Devices at work: each access goes through the IOMMU as hardware would make it, stale caches included, and is judged by
 * the truth.
 */
export class DmaEngine {
  private readonly memory: PhysicalMemory;
  private readonly unit: IommuUnit;
  private readonly truth: Truth;
  private readonly emission: Emission;
  private readonly clock: Clock;
  private readonly costNs: number;
  private readonly translation: Translation = newTranslation();

  constructor(
    memory: PhysicalMemory,
    unit: IommuUnit,
    truth: Truth,
    emission: Emission,
    clock: Clock,
    costNs: number,
  ) {
    this.memory = memory;
    this.unit = unit;
    this.truth = truth;
    this.emission = emission;
    this.clock = clock;
    this.costNs = costNs;
  }

  /** The device writes `word` over `[address, address + size)`. */
  write(device: Device, address: number, size: number, word: number): DmaResult {
    return this.transfer(device, address, size, word);
  }

  /** The device reads; what it reads is of no interest to the machine. */
  read(device: Device, address: number, size: number): DmaResult {
    return this.transfer(device, address, size, undefined);
  }

  private transfer(device: Device, address: number, size: number, word: number | undefined): DmaResult {
    const pages: number[] = [];
    let done = 0;
    while (done < size) {
      const iova = address + done;
      const fault = this.translate(device, iova, word !== undefined);
      if (fault !== undefined) {
        this.emission.sink.ioPageFault(this.emission.moment(), device.id, iova, word === undefined ? 0 : 1);
        return { bytes: done, fault, pages };
      }
      const { phys, contiguous } = this.translation;
      const bytes = Math.min(size - done, contiguous, this.memory.pageSize - (phys % this.memory.pageSize));
      pages.push(this.touch(device, iova, bytes, word));
      done += bytes;
    }
    return { bytes: done, fault: undefined, pages };
  }

  private translate(device: Device, iova: number, isWrite: boolean): FaultReason | undefined {
    const { translation } = this;
    this.clock.advance(this.costNs);
    if (device.domain === undefined) {
      translation.phys = iova;
      translation.contiguous = Number.POSITIVE_INFINITY;
      translation.fault = undefined;
      translation.fromCache = false;
      // Nothing was mapped for it, so that nothing can be out of date: only a page that is nobody's is wrong.
      translation.stamp = Number.POSITIVE_INFINITY;
    } else {
      this.unit.translate(device.id, iova, isWrite, translation);
    }
    return translation.fault;
  }

  private touch(device: Device, iova: number, bytes: number, word: number | undefined): number {
    const { phys, stamp, fromCache } = this.translation;
    const pfn = Math.floor(phys / this.memory.pageSize);
    const isWrite = word !== undefined;
    const { domain } = device;
    const isStale =
      fromCache && domain?.pageTable !== undefined && domain.pageTable.iovaToPhys(iova) !== phys;
    this.truth.access({
      timeNs: this.clock.nowNs,
      device: device.id,
      domain,
      iova,
      pfn,
      isWrite,
      isStale,
      stamp,
    });
    if (isWrite) {
      const first = phys - (phys % WORD_SIZE);
      for (let at = first; at < phys + bytes; at += WORD_SIZE) this.memory.write(at, word);
    }
    return pfn;
  }
}

import { hex } from '../../kernel/units.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import { lowestBit } from '../iommu/pgsize.ts';
import type { KernelLog } from '../kernel-log.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { SanitizerRules } from './rules.ts';

/** `size_t` and `phys_addr_t` of a 64-bit kernel end here. */
const ADDRESS_LIMIT = 2 ** 64;

/** Which function of iommu-debug-pagealloc.c a line of the log is from. */
export const SITE = {
  inc: 'iommu_debug_inc_page',
  dec: 'iommu_debug_dec_page',
  map: '__iommu_debug_map',
  update: '__iommu_debug_update_iova',
  unmapEnd: '__iommu_debug_unmap_end',
  check: '__iommu_debug_check_unmapped',
} as const;

export interface SanitizerHost {
  readonly memory: PhysicalMemory;
  readonly log: KernelLog;
  /** `iommu_iova_to_phys()`, which costs time. */
  iovaToPhys(domain: IommuDomain, iova: number): number;
}

/**
 * IOMMU_DEBUG_PAGEALLOC: one counter per page, over all domains, of the granules that translate to it. It is asked by
 * the IOMMU core before and after each change and by the page allocator at each alloc and free.
 */
export class Sanitizer {
  readonly rules: SanitizerRules;
  /** `iommu_debug_metadata.ref` of each page: page_ext, zeroed at boot. */
  readonly refs: Int32Array;
  /** "Detected page leak!" lines. */
  pageLeaks = 0;
  private readonly host: SanitizerHost;

  constructor(rules: SanitizerRules, host: SanitizerHost) {
    this.rules = rules;
    this.host = host;
    this.refs = new Int32Array(host.memory.pages);
  }

  /** `__iommu_debug_map()`, after the page tables were changed: `size` is what was mapped. */
  map(domain: IommuDomain, phys: number, size: number): void {
    const { rules, host } = this;
    if ((rules.refusesPhysZero && phys === 0) || (rules.refusesOverflow && phys + size >= ADDRESS_LIMIT)) {
      host.log.warn(SITE.map, `not counted: map of physical address ${hex(phys)}`);
      return;
    }
    const step = this.stepOf(domain);
    for (let offset = 0; offset < size; offset += step) this.change(phys + offset, 1);
  }

  /** `__iommu_debug_unmap_begin()`, before the page tables are changed. */
  unmapBegin(domain: IommuDomain, iova: number, size: number): void {
    if (this.rules.countsDownFirst) this.update(domain, iova, size, -1);
  }

  /** `__iommu_debug_unmap_end()`, after they were. */
  unmapEnd(domain: IommuDomain, iova: number, size: number, unmapped: number): void {
    const { rules } = this;
    if (!rules.countsDownFirst) this.update(domain, iova, size, -1);
    if (unmapped === size) return;
    if (unmapped < size) {
      if (rules.countsShortUnmapUp) this.update(domain, iova + unmapped, size - unmapped, 1);
    } else if (rules.overUnmap === 'warned') {
      this.host.log.warnOnce(SITE.unmapEnd, `unmapped ${hex(unmapped)} bytes of ${hex(size)}`);
    } else if (rules.overUnmap === 'walked') {
      this.update(domain, iova + size, unmapped - size, -1);
    }
  }

  /** `__iommu_debug_check_unmapped()` at the alloc and free hooks: one warning for each page. */
  checkPages(pfn: number, pages: number, where: 'alloc' | 'free'): void {
    const { rules, refs } = this;
    if (where === 'alloc' ? !rules.checksAtAlloc : !rules.checksAtFree) return;
    for (let page = pfn; page < pfn + pages; page++) {
      const count = refs[page] as number;
      if (count > 0 || (count < 0 && rules.suspicious === 'not-zero')) {
        this.pageLeaks++;
        this.host.log.warn(SITE.check, `Detected page leak! pfn ${hex(page)} at ${where}`);
      }
    }
  }

  /** `iommu_debug_update_iova()`: what the page tables translate now, granule by granule. */
  private update(domain: IommuDomain, iova: number, size: number, by: 1 | -1): void {
    const { rules, host } = this;
    if (rules.refusesOverflow && iova + size >= ADDRESS_LIMIT) {
      host.log.warn(SITE.update, `not counted: unmap of ${hex(iova)} overflows`);
      return;
    }
    const step = this.stepOf(domain);
    for (let offset = 0; offset < size; offset += step) {
      const phys = host.iovaToPhys(domain, iova + offset);
      if (phys !== 0 || !rules.zeroIsNoTranslation) this.change(phys, by);
    }
  }

  private change(phys: number, by: 1 | -1): void {
    const { memory, log } = this.host;
    const pfn = Math.floor(phys / memory.pageSize);
    if (!memory.isOnline(pfn)) {
      // pfn_valid() is true of a device's own memory, which has no page_ext: its pointer is NULL.
      if (this.rules.counted === 'pfn-valid' && memory.kindOf(pfn) === 'zone-device') {
        const site = by > 0 ? SITE.inc : SITE.dec;
        log.oops(site, `NULL pointer dereference: pfn ${hex(pfn)} has no page_ext`);
      }
      return;
    }
    const count = (this.refs[pfn] as number) + by;
    this.refs[pfn] = count;
    if (!this.rules.warnsOfRange) return;
    if (by > 0 ? count <= 0 : count < 0) {
      log.warn(by > 0 ? SITE.inc : SITE.dec, `count of pfn ${hex(pfn)} is ${count}`);
    }
  }

  /** `iommu_debug_page_size()`: unmap cannot know which size map took, so both take the smallest. */
  private stepOf(domain: IommuDomain): number {
    const granule = lowestBit(domain.pageTable?.pgsizeBitmap ?? 0);
    return this.rules.step === 'granule' && granule > 0 ? granule : this.host.memory.pageSize;
  }
}

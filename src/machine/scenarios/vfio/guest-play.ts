import { hex } from '../../../kernel/units.ts';
import { errnoName } from '../../errno.ts';
import { MachineError } from '../../machine-error.ts';
import { IOMMU_READ, IOMMU_WRITE } from '../../page-tables/page-table.ts';
import { UserMemory } from '../../vfio/user-memory.ts';
import { VfioType1, type VfioUnmapDesign } from '../../vfio/vfio-type1.ts';
import { IOVA, MIB_2, PAGE } from '../places.ts';
import { type Stage, type StageDomain, sizeText } from '../stage.ts';

const HUGE_ORDER = 9;

/** A virtual machine with one huge page, which VFIO maps for its device. */
export class GuestPlay {
  readonly to: StageDomain;
  readonly vfio: VfioType1;
  private readonly stage: Stage;
  private readonly memory: UserMemory;

  constructor(stage: Stage, design: VfioUnmapDesign) {
    const { machine } = stage;
    const owner = machine.ownerId('guest');
    const memory = UserMemory.map(machine.allocator, MIB_2 / PAGE, HUGE_ORDER, owner);
    if (memory === undefined) throw new MachineError('there is no memory for a guest');
    this.stage = stage;
    this.memory = memory;
    stage.existing('guest', memory.pfn(0) * PAGE, MIB_2);
    stage.tell('mmap() of the guest', 'one huge page of 2 MiB');
    this.to = stage.domain('vm');
    this.vfio = new VfioType1({ core: machine.iommu, pageSize: PAGE, design }, [this.to.domain]);
  }

  mapDma(): void {
    const { machine } = this.stage;
    const prot = IOMMU_READ | IOMMU_WRITE;
    const result = machine.call(this.vfio.mapDma(IOVA, this.memory, 0, MIB_2, prot));
    this.stage.used(this.to.domain, IOVA, MIB_2);
    this.stage.tell(
      `VFIO_IOMMU_MAP_DMA(${hex(IOVA)}, ${sizeText(MIB_2)})`,
      `${errnoName(result)}; ${this.vfio.pinned} pages pinned`,
    );
  }

  /** @param calls of `iommu_unmap()` that it must take */
  unmapDma(calls: number): void {
    const { machine } = this.stage;
    const result = machine.call(this.vfio.unmapDma(IOVA, MIB_2));
    this.stage.tell(
      `VFIO_IOMMU_UNMAP_DMA(${hex(IOVA)}, ${sizeText(MIB_2)})`,
      `${sizeText(result)}, in ${this.vfio.unmapCalls === 1 ? '1 call' : `${this.vfio.unmapCalls} calls`} of iommu_unmap(); ${this.vfio.pinned} pages pinned`,
    );
    if (this.vfio.unmapCalls !== calls) {
      this.stage.surprises.push({
        step: this.stage.steps.length,
        page: 'VFIO',
        expected: `${calls} calls`,
        actual: `${this.vfio.unmapCalls} calls`,
      });
    }
  }

  exit(): void {
    this.memory.unmap();
    this.stage.tell('the guest ends');
  }
}

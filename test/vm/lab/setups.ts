import { type Architecture, debianKernel, type Kernel } from './kernel.ts';

/** A kernel on a machine with an IOMMU. */
export interface Setup {
  readonly name: string;
  readonly kernel: () => Kernel;
  readonly architecture: Architecture;
  /** QEMU's program, machine and IOMMU. */
  readonly qemu: readonly string[];
  /** The kernel command line for them. */
  readonly append: string;
  /** What becomes of an unmap of one page of a 2 MiB mapping: all of it goes, or the mapping is split. */
  readonly overUnmap: 'whole' | 'split';
  /** What becomes of a map over a live mapping. */
  readonly mapOver: 'made' | 'refused';
  /** Whether a probe can tell of pages that are handed out many at once, of which no tracepoint tells. */
  readonly bulkAlloc: boolean;
}

const Q35 = ['qemu-system-x86_64', '-M', 'q35', '-cpu', 'max'];
const VTD = {
  architecture: 'amd64',
  qemu: [...Q35, '-device', 'intel-iommu'],
  // A timer that is late because the host is busy is no broken one.
  append: 'console=ttyS0 intel_iommu=on no_timer_check',
} as const;

/** What `npm run test:vm` runs on: Debian 12 with VT-d. */
export const DEBIAN_12: Setup = {
  name: 'Debian 12 on VT-d',
  kernel: () => debianKernel('bookworm'),
  ...VTD,
  overUnmap: 'whole',
  mapOver: 'made',
  // A probe at a return has no arguments before Linux 6.9, and its arguments are others until 6.13.
  bulkAlloc: false,
};

/** What `--all` adds. */
export const OTHERS: readonly Setup[] = [
  { ...DEBIAN_12, name: 'Debian 13 on VT-d', kernel: () => debianKernel('trixie') },
  // Since Linux 7.0 all page tables of x86-64 are of one code, which refuses what is there already.
  {
    ...DEBIAN_12,
    name: 'Debian unstable on VT-d',
    kernel: () => debianKernel('sid'),
    mapOver: 'refused',
    bulkAlloc: true,
  },
  {
    ...DEBIAN_12,
    name: 'Debian 12 on an AMD IOMMU',
    qemu: [...Q35, '-device', 'amd-iommu'],
    append: 'console=ttyS0 amd_iommu=on no_timer_check',
  },
  {
    name: 'Debian 12 on an SMMUv3',
    kernel: () => debianKernel('bookworm', 'arm64'),
    architecture: 'arm64',
    qemu: ['qemu-system-aarch64', '-M', 'virt,iommu=smmuv3,gic-version=3', '-cpu', 'max'],
    append: 'console=ttyAMA0',
    // arm_lpae_split_blk_unmap() of Linux 6.1; arm_lpae_init_pte() returns -EEXIST.
    overUnmap: 'split',
    mapOver: 'refused',
    bulkAlloc: false,
  },
];

/** A leaf of an IOMMU page table. */
export interface TableEntry {
  /** Of IOVA space, and of memory; in 4 KiB. */
  readonly page: number;
  readonly frame: number;
  /** 1 for 4 KiB, 2 for 2 MiB, 3 for 1 GiB; default 1. */
  readonly level?: 1 | 2 | 3;
  /** Bits of the leaf beside its address; default read and write. */
  readonly flags?: bigint;
}

const hex = (value: bigint | number, digits: number): string =>
  `0x${value.toString(16).padStart(digits, '0')}`;

/** A table as `domain_translation_struct` has it: the strings and formats of drivers/iommu/intel/debugfs.c. */
export function vtdTable(device: string, address: number, entries: readonly TableEntry[]): string {
  const lines = entries.map(({ page, frame, level = 1, flags = 3n }) => {
    // Tables lie behind the first; bit 7 of a leaf above level 1 says that it is one.
    const path = [5, 4, 3, 2, 1].map(at => {
      if (at === 5 || at < level) return 0n;
      if (at > level) return BigInt(address + at * 0x1000) | 3n;
      return (BigInt(frame) << 12n) | flags | (level > 1 ? 0x80n : 0n);
    });
    return `${hex(page, 13)} |\t${path.map(entry => hex(entry, 16)).join('\t')}\n`;
  });
  return `Device ${device} @${hex(address, 1)}\nIOVA_PFN\t\tPML5E\t\t\tPML4E\t\t\tPDPE\t\t\tPDE\t\t\tPTE\n${lines.join('')}\n`;
}

/**
 * The kernel half of an x86-64 address space with four levels (Documentation/arch/x86/x86_64/mm.rst), as far as the
 * machine uses it. Addresses near 2^64 are exact in a float64 to 2 KiB: whole pages are.
 */

/** Where user space ends. */
export const TASK_SIZE = 2 ** 47;
/** `PAGE_OFFSET`: physical memory, one to one. */
export const PAGE_OFFSET: number = 2 ** 64 - 0x0000_7780_0000_0000;
/** `VMALLOC_START` */
export const VMALLOC_START: number = 2 ** 64 - 0x0000_3700_0000_0000;
/** `VMEMMAP_START`: the array of `struct page`. */
export const VMEMMAP_START: number = 2 ** 64 - 0x0000_1600_0000_0000;
/** `TLB_FLUSH_ALL` as the end of a range: all addresses to the last. */
export const ADDRESS_END: number = 2 ** 64;

/** Base-2 logarithms of what an entry of each level spans. */
export const PAGE_SHIFT = 12;
export const PMD_SHIFT = 21;
export const PUD_SHIFT = 30;

/** Levels, counted from the leaves: a PTE page has level 0. */
export const LEVEL_PTE = 0;
export const LEVEL_PMD = 1;
export const LEVEL_PUD = 2;
export const LEVEL_PGD = 3;

export const PTRS_PER_TABLE = 512;

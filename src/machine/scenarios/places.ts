/** Sizes and addresses that scenarios use. */
export const PAGE = 0x1000;
export const KIB_64 = 0x10000;
export const MIB_2 = 0x200000;
export const GIB_1 = 0x40000000;

/** An IOVA that is aligned to 1 GiB. */
export const IOVA = 0x40000000;

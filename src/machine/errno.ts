/**
 * Error numbers that the simulated kernel returns, negated as in the kernel: `return -EINVAL`
 * (include/uapi/asm-generic/errno-base.h and errno.h).
 */
export const ENOENT = 2;
export const EIO = 5;
export const ENOMEM = 12;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOSPC = 28;
export const ERANGE = 34;
export const ENXIO = 6;
export const EPERM = 1;
export const EOVERFLOW = 75;
export const EADDRINUSE = 98;

const NAMES: ReadonlyMap<number, string> = new Map([
  [EPERM, 'EPERM'],
  [ENOENT, 'ENOENT'],
  [EIO, 'EIO'],
  [ENXIO, 'ENXIO'],
  [ENOMEM, 'ENOMEM'],
  [EBUSY, 'EBUSY'],
  [EEXIST, 'EEXIST'],
  [ENODEV, 'ENODEV'],
  [EINVAL, 'EINVAL'],
  [ENOSPC, 'ENOSPC'],
  [ERANGE, 'ERANGE'],
  [EOVERFLOW, 'EOVERFLOW'],
  [EADDRINUSE, 'EADDRINUSE'],
]);

/** `-EINVAL` for -22; other numbers as they are. */
export function errnoName(result: number): string {
  const name = result < 0 ? NAMES.get(-result) : undefined;
  return name === undefined ? String(result) : `-${name}`;
}

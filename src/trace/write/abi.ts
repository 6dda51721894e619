/** What a kernel decides about its ring buffer when it is built. */
export interface KernelAbi {
  readonly littleEndian: boolean;
  /** `sizeof(long)`: 8 on 64-bit kernels, 4 on 32-bit ones. */
  readonly longSize: 4 | 8;
}

/** x86-64, arm64, riscv64: what a trace is written for when nobody says otherwise. */
export const LITTLE_ENDIAN_64: KernelAbi = { littleEndian: true, longSize: 8 };

/** Bytes of a sub-buffer where nobody says otherwise: a page. */
export const DEFAULT_SUB_BUFFER = 4096;

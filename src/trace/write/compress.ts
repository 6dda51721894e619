/** How the parts of a trace.dat are compressed. */
export type Compression = 'none' | 'zlib' | 'zstd';

/** Compresses one block. */
export interface Compressor {
  readonly method: Compression;
  /** What the file's header says beside the method: the version of the library. */
  readonly version: string;
  compress(bytes: Uint8Array): Uint8Array;
}

/** Fast rather than small: a recording must not take the CPU from what it records. */
const LEVEL = 1;

/**
 * The compressor of a method; without one, zstd where Node has it (22.15, 23.8 and later), else none. Events shrink
 * to a fifth of their size.
 */
export async function loadCompressor(method?: Compression): Promise<Compressor> {
  if (method === 'none') return NONE;
  const zlib = await import('node:zlib');
  if (method === 'zlib') {
    return {
      method,
      version: process.versions['zlib'] ?? '1',
      compress: bytes => zlib.deflateSync(bytes, { level: LEVEL }),
    };
  }
  const zstd = (zlib as unknown as { zstdCompressSync?: ZstdCompress }).zstdCompressSync;
  if (!zstd) {
    if (method === undefined) return NONE;
    throw new Error(`zstd needs Node 22.15 or later; this is ${process.versions.node}`);
  }
  const options = { params: { [ZSTD_COMPRESSION_LEVEL]: LEVEL } };
  return {
    method: 'zstd',
    version: process.versions['zstd'] ?? '1',
    // The frame states its size, as trace-cmd's frames do: Node writes it because the input is whole.
    compress: bytes => zstd(bytes, options),
  };
}

const NONE: Compressor = { method: 'none', version: '', compress: bytes => bytes };

/** `ZSTD_c_compressionLevel`, zstd.h; Node 20 has no constant for it. */
const ZSTD_COMPRESSION_LEVEL = 100;

type ZstdCompress = (bytes: Uint8Array, options: { params: Record<number, number> }) => Uint8Array;

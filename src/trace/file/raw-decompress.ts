/**
 * Decompresses one frame of a size that is known; what it returns may be memory that the next call uses again.
 *
 * @returns `undefined`, or throws, for what cannot be decompressed
 */
export type RawDecompress = (bytes: Uint8Array, size: number) => Uint8Array | undefined;

/** What Node's `zlib` has since 22.15 and 23.8, and the types of Node 20 leave out. */
export interface NativeZstd {
  zstdDecompressSync(
    bytes: Uint8Array,
    options: { readonly maxOutputLength: number; readonly chunkSize: number },
  ): Uint8Array;
}

/** In one piece: by default the output is put together from many. */
export function nativeZstd(zlib: NativeZstd): RawDecompress {
  return (bytes, size) =>
    zlib.zstdDecompressSync(bytes, { maxOutputLength: Math.max(size, 1), chunkSize: Math.max(size, 64) });
}

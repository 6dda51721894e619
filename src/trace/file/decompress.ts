import * as zlib from 'node:zlib';
import { TraceError } from '../trace-error.ts';

/** Decompresses one block whose decompressed size the file states. */
export type Decompress = (bytes: Uint8Array, size: number, file: string, offset: number) => Uint8Array;

/**
 * Most that one compressed byte can become: a zstd RLE block makes 128 KiB of 4 bytes, deflate at most 1032 of 1.
 * A stated size above that is refused before memory is taken for it.
 */
const MAX_RATIO = { zstd: 32_768, zlib: 1032 };

/** @throws {@link TraceError} for a method that is neither `none`, `zstd` nor `zlib` */
export async function loadDecompressor(method: string, file: string): Promise<Decompress | undefined> {
  switch (method) {
    case 'none':
    case '':
      return undefined;
    case 'zstd':
      return checked('zstd', await loadZstd());
    case 'zlib':
      return checked('zlib', (bytes, size) => zlib.inflateSync(bytes, { maxOutputLength: size }));
    default:
      throw new TraceError(
        file,
        `is compressed with "${method}"; zstd, zlib and none can be read. Convert it with: trace-cmd convert --compression zstd`,
      );
  }
}

function checked(
  method: 'zstd' | 'zlib',
  decompress: (bytes: Uint8Array, size: number) => Uint8Array,
): Decompress {
  return (bytes, size, file, offset) => {
    if (size > bytes.length * MAX_RATIO[method] + MAX_RATIO[method]) {
      throw new TraceError(
        file,
        `${bytes.length} compressed bytes claim to become ${size}, more than ${method} can make of them; the file is damaged`,
        offset,
      );
    }
    let result: Uint8Array | undefined;
    try {
      result = decompress(bytes, size);
    } catch {
      result = undefined;
    }
    if (result?.length !== size) {
      throw new TraceError(
        file,
        `${bytes.length} bytes of ${method} data do not decompress to the ${size} bytes that the file states; the file is damaged`,
        offset,
      );
    }
    return result;
  };
}

async function loadZstd(): Promise<(bytes: Uint8Array, size: number) => Uint8Array> {
  // Node has it since 22.15; the WebAssembly decoder is for those before.
  if ('zstdDecompressSync' in zlib) {
    const native = zlib.zstdDecompressSync as (
      bytes: Uint8Array,
      options: { maxOutputLength: number },
    ) => Uint8Array;
    return (bytes, size) => native(bytes, { maxOutputLength: Math.max(size, 1) });
  }
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return (bytes, size) => decoder.decode(bytes, size);
}

import { quoted, TraceError } from '../trace-error.ts';
import type { InputFile } from './input-file.ts';
import { type NativeZstd, nativeZstd, type RawDecompress } from './raw-decompress.ts';
import { readFrameHeader, zstdPrefix } from './zstd-frame.ts';
import type { CompiledModule } from './zstd-wasm.ts';

/**
 * Decompresses one block whose decompressed size the file states. The result may be a view of memory that the next call
 * uses again: what is kept is copied.
 */
export type Decompress = (bytes: Uint8Array, size: number, file: string, offset: number) => Uint8Array;

/**
 * Most that one compressed byte can become: a zstd RLE block makes 128 KiB of 4 bytes, deflate at most 1032 of 1.
 * A stated size above that is refused before memory is taken for it.
 */
const MAX_RATIO = { zstd: 32_768, zlib: 1032 };

/** No block is larger: the symbols of Linux 7.2 have 10 MB, and a chunk of events some pages. */
const LARGEST_BLOCK = 512 << 20;

/** @throws {@link TraceError} for a method that is neither `none`, `zstd` nor `zlib` */
export async function loadDecompressor(method: string, file: string): Promise<Decompress | undefined> {
  switch (method) {
    case 'none':
    case '':
      return undefined;
    case 'zstd':
      return checked('zstd', await loadZstd());
    case 'zlib':
      return checked('zlib', await loadZlib());
    default:
      throw new TraceError(
        file,
        `is compressed with ${quoted(method)}; zstd, zlib and none can be read. Convert it with: trace-cmd convert --compression zstd`,
      );
  }
}

/**
 * Decompresses a block of a file piece by piece, each valid until the next is asked for. The pieces end where the block
 * does or is damaged, or where more is not to be had for less than all of it.
 *
 * @param size bytes that the block becomes, as the file states
 */
export type DecompressPieces = (
  file: InputFile,
  offset: number,
  stored: number,
  size: number,
) => Generator<Uint8Array>;

/** For methods of which a block can be decompressed in part: that is zstd, whose frames consist of blocks. */
export async function loadPiecewiseDecompressor(method: string): Promise<DecompressPieces | undefined> {
  if (method !== 'zstd') return undefined;
  if (NODE_HAS_ZSTD) {
    const decompress = await loadZstd();
    return (file, offset, stored, size) => beginning(file.readUpTo(offset, stored), size, decompress);
  }
  const { loadWasmZstd } = await import('./zstd-module.ts');
  const decoder = await loadWasmZstd();
  return function* pieces(file, offset, stored) {
    let done = 0;
    const stream = decoder.stream(into => {
      const { length } = file.readUpTo(offset + done, Math.min(into.length, stored - done), into);
      done += length;
      return length;
    });
    try {
      yield* stream;
    } catch {
      // What was good has been handed out.
    }
  };
}

/**
 * Share of a block that is decompressed where it is not to be had piece by piece. The functions of the IOMMU core, on
 * which the probes sit, end before it in the symbols of a kernel: at 0.30 of the text in Linux 6.1 and at 0.41 in 7.2 of
 * Debian, behind the kernel's other code and before its data.
 */
const BEGINNING = 0.45;

/** One piece, the beginning of a block; none where that cannot be had for less than all. */
export function* beginning(
  bytes: Uint8Array,
  size: number,
  decompress: RawDecompress,
  share = BEGINNING,
): Generator<Uint8Array> {
  const wanted = Math.floor(size * share);
  const prefix = wanted > LARGEST_BLOCK ? undefined : zstdPrefix(bytes, wanted);
  if (!prefix) return;
  let result: Uint8Array | undefined;
  try {
    result = decompress(prefix.frame, prefix.limit);
  } catch {
    return;
  }
  if (result && result.length > 0 && result.length <= prefix.limit) yield result;
}

function checked(method: 'zstd' | 'zlib', decompress: RawDecompress): Decompress {
  return (bytes, size, file, offset) => {
    const most = Math.min(LARGEST_BLOCK, (bytes.length + 1) * MAX_RATIO[method]);
    if (size > most) {
      throw new TraceError(
        file,
        `${bytes.length} compressed bytes claim to become ${size}, more than ${method} can make of them; the file is damaged`,
        offset,
      );
    }
    const ownSize = method === 'zstd' ? readFrameHeader(bytes)?.contentSize : undefined;
    if (ownSize !== undefined && ownSize !== size) {
      throw new TraceError(
        file,
        `the file says that ${bytes.length} compressed bytes become ${size}, they say ${ownSize}; the file is damaged`,
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

async function loadZlib(): Promise<RawDecompress> {
  const { inflateSync } = await import('node:zlib');
  return (bytes, size) => inflateSync(bytes, { maxOutputLength: size });
}

/** Node has zstd since 22.15 and 23.8; the WebAssembly decoder is for those before. */
const NODE_HAS_ZSTD = nodeIsAtLeast(22, 15) && !(nodeIsAtLeast(23, 0) && !nodeIsAtLeast(23, 8));

/** Decompresses one frame of a size that is known; what it returns may be memory that the next call uses again. */
export async function loadZstd(): Promise<RawDecompress> {
  if (NODE_HAS_ZSTD) {
    const zlib = await import('node:zlib');
    return nativeZstd(zlib as unknown as NativeZstd);
  }
  const { loadWasmZstd, zstdModule } = await import('./zstd-module.ts');
  const decoder = await loadWasmZstd();
  codeInUse = zstdModule();
  return (bytes, size) => decoder.decompress(bytes, size);
}

let codeInUse: CompiledModule | undefined;

/** The code of zstd that {@link loadZstd} has loaded, for other threads; `undefined` where Node has its own. */
export function zstdCode(): CompiledModule | undefined {
  return codeInUse;
}

function nodeIsAtLeast(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** What every zstd frame begins with, RFC 8878 section 3.1.1. */
const MAGIC = 0xfd2f_b528;

/** Bytes of `Dictionary_ID` and of `Frame_Content_Size` by their flags. */
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

/** Bytes that a block of a frame becomes at most, and the type whose content is one repeated byte (3.1.1.2). */
const BLOCK_MAXIMUM = 128 << 10;
const BLOCK_RLE = 1;

/** The header of a zstd frame. */
export interface FrameHeader {
  /** Bytes of the header, magic number included. */
  readonly size: number;
  /** The decompressed size that the frame states; trace-cmd's frames do. */
  readonly contentSize: number | undefined;
  readonly hasDictionary: boolean;
}

/** @returns `undefined` for bytes that are no zstd frame */
export function readFrameHeader(bytes: Uint8Array): FrameHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 5 || view.getUint32(0, true) !== MAGIC) return undefined;
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryIdBytes = DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3];
  const stated = CONTENT_SIZE_BYTES[(descriptor >>> 6) as 0 | 1 | 2 | 3];
  const contentSizeBytes = stated === 0 && isSingleSegment ? 1 : stated;
  const at = 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes;
  const size = at + contentSizeBytes;
  if (size > view.byteLength) return undefined;
  return {
    size,
    contentSize: contentSizeAt(view, at, contentSizeBytes),
    hasDictionary: dictionaryIdBytes > 0,
  };
}

function contentSizeAt(view: DataView, at: number, bytes: 0 | 1 | 2 | 4 | 8): number | undefined {
  switch (bytes) {
    case 0:
      return undefined;
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return Number(view.getBigUint64(at, true));
  }
}

/** A frame that holds the beginning of another, and the most that it decompresses to. */
export interface FramePrefix {
  readonly frame: Uint8Array;
  readonly limit: number;
}

/** Magic number, descriptor (nothing optional) and window descriptor. */
const PREFIX_HEADER = 6;

/**
 * Makes a frame of the first blocks of another, so that only the beginning of a long section is decompressed. The
 * header is written anew, without content size and checksum, which do not fit the shorter content.
 *
 * @param wanted bytes of content that the prefix should have, as far as full blocks make them
 * @returns `undefined` where the frame is no plain one, or has no more blocks than wanted
 */
export function zstdPrefix(frame: Uint8Array, wanted: number): FramePrefix | undefined {
  const header = readFrameHeader(frame);
  if (!header || header.hasDictionary || wanted <= 0) return undefined;
  let at = header.size;
  let last = at;
  let blocks = 0;
  for (; blocks * BLOCK_MAXIMUM < wanted; blocks++) {
    const word = blockHeader(frame, at);
    if (word === undefined || (word & 1) !== 0) return undefined;
    last = at;
    at += 3 + (((word >>> 1) & 3) === BLOCK_RLE ? 1 : word >>> 3);
  }
  if (at > frame.length) return undefined;
  const limit = blocks * BLOCK_MAXIMUM;
  const prefix = new Uint8Array(PREFIX_HEADER + at - header.size);
  new DataView(prefix.buffer).setUint32(0, MAGIC, true);
  // Window descriptor: 2^(10 + exponent) bytes, enough for all of the prefix.
  prefix[5] = Math.max(0, Math.ceil(Math.log2(limit)) - 10) << 3;
  prefix.set(frame.subarray(header.size, at), PREFIX_HEADER);
  const lastHeader = PREFIX_HEADER + last - header.size;
  prefix[lastHeader] = (prefix[lastHeader] as number) | 1;
  return { frame: prefix, limit };
}

/** The 24 bits before a block: last block, type and size; `undefined` beyond the end. */
function blockHeader(frame: Uint8Array, at: number): number | undefined {
  if (at + 3 > frame.length) return undefined;
  return (frame[at] as number) | ((frame[at + 1] as number) << 8) | ((frame[at + 2] as number) << 16);
}

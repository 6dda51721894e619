/** A block of a zstd frame: bytes as they are, or one byte repeated. */
export type ZstdBlock = Uint8Array | { readonly repeat: number; readonly times: number };

/** Which of its sizes a frame states, RFC 8878 section 3.1.1.1. */
export type ContentSize = 'none' | 1 | 2 | 4 | 8;

const RAW = 0;
const RLE = 1;

/**
 * A zstd frame written by hand, without compression: Node has no zstd before 22.15. `claim` is the decompressed size
 * that the frame states, in as many bytes as `contentSize` says.
 */
export function zstdFrame(
  blocks: readonly ZstdBlock[],
  contentSize: ContentSize = 4,
  claim = blocks.reduce((sum, block) => sum + (block instanceof Uint8Array ? block.length : block.times), 0),
): Uint8Array {
  const parts: number[] = [0x28, 0xb5, 0x2f, 0xfd];
  if (contentSize === 'none') {
    // A window of 1 MiB, in place of the size.
    parts.push(0, 0x50);
  } else {
    const flag = { 1: 0, 2: 1, 4: 2, 8: 3 }[contentSize];
    parts.push((flag << 6) | 0x20);
    const stated = BigInt(contentSize === 2 ? claim - 256 : claim);
    for (let i = 0; i < contentSize; i++) parts.push(Number((stated >> BigInt(8 * i)) & 0xffn));
  }
  for (const [i, block] of blocks.entries()) {
    const isRaw = block instanceof Uint8Array;
    const size = isRaw ? block.length : block.times;
    const header = (size << 3) | ((isRaw ? RAW : RLE) << 1) | (i === blocks.length - 1 ? 1 : 0);
    parts.push(header & 0xff, (header >>> 8) & 0xff, (header >>> 16) & 0xff);
    parts.push(...(isRaw ? block : [block.repeat]));
  }
  return Uint8Array.from(parts);
}

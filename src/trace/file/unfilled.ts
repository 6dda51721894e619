/**
 * Memory of which every byte is written before it is read. `new Uint8Array()` would fill it with zeroes, which touches
 * all of its pages, wanted or not.
 */
export function unfilled(bytes: number): Uint8Array {
  // Not from a pool of Node's: it has the memory to itself.
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(bytes);
  return new Uint8Array(buffer, byteOffset, bytes);
}

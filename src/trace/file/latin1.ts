/** The text of bytes that are taken for one character each: what the kernel writes is ASCII, and no byte is refused. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

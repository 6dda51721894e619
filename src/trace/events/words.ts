const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/**
 * A chunk of event data as 32-bit words, with the values that they have on the recorded machine. Records begin at
 * multiples of 4, and so do nearly all of their fields: a word is read by an index, without a call.
 *
 * Where that machine has the other byte order than this one the words are a copy, else they are the bytes themselves.
 * Up to three bytes at the end that make no word are left out.
 */
export function wordsOf(bytes: Uint8Array, littleEndian: boolean): Uint32Array {
  const length = bytes.length >>> 2;
  if (littleEndian === HOST_IS_LITTLE_ENDIAN && bytes.byteOffset % 4 === 0) {
    return new Uint32Array(bytes.buffer, bytes.byteOffset, length);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Uint32Array(length);
  for (let i = 0; i < length; i++) words[i] = view.getUint32(i * 4, littleEndian);
  return words;
}

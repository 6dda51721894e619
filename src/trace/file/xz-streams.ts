/** What a stream begins with, and what it ends with: `Magic Bytes` of header and footer, xz-file-format.txt 2.1. */
const HEADER = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00);
const FOOTER = Uint8Array.of(0x59, 0x5a);

/**
 * Decompresses a file of xz, whose chunks may end anywhere: one stream or several (of `cat a.xz b.xz`, or of a writer
 * that appends), with zeros between. The decoder reads one, and drops what is left of the piece that it was given last.
 *
 * @throws where a stream is damaged or cut short, or something else follows it
 */
export async function* unxz(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { default: xz } = await import('xz-decompress');
  const pieces = splitStreams(chunks);
  for (let first = pieces.next(); !first.done; first = pieces.next()) {
    if (isPadding(first.value)) continue;
    let waiting: IteratorResult<Uint8Array> | undefined = first;
    let end = new Uint8Array(0);
    const compressed = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const piece = waiting ?? pieces.next();
          waiting = undefined;
          if (piece.done) {
            controller.close();
            return;
          }
          end = endOf(end, piece.value);
          controller.enqueue(piece.value);
        },
      },
      // Nothing is taken from the pieces before the decoder wants it: the rest is of the next stream.
      { highWaterMark: 0 },
    );
    yield* new xz.XzReadableStream(compressed);
    if (!startsWith(end, FOOTER)) throw new Error('something follows the stream that is no other');
  }
}

/** The same bytes, in pieces that end before whatever looks like the header of a stream: no stream begins within one. */
export function* splitStreams(chunks: Iterable<Uint8Array>): Generator<Uint8Array, void> {
  let rest = new Uint8Array(0);
  for (const chunk of chunks) {
    const bytes = new Uint8Array(Buffer.concat([rest, chunk]));
    let start = 0;
    for (let at = bytes.indexOf(0xfd); at >= 0; at = bytes.indexOf(0xfd, at + 1)) {
      if (at === start || !startsWith(bytes.subarray(at), HEADER)) continue;
      yield bytes.subarray(start, at);
      start = at;
    }
    // A header may be cut by the end of the chunk.
    const kept = Math.max(start, bytes.length - HEADER.length + 1);
    if (kept > start) yield bytes.subarray(start, kept);
    rest = bytes.slice(kept);
  }
  if (rest.length > 0) yield rest;
}

/** The last bytes of a stream so far, of as many as a footer ends with; the padding behind it does not count. */
function endOf(before: Uint8Array, piece: Uint8Array): Uint8Array<ArrayBuffer> {
  let length = piece.length;
  while (length > 0 && piece[length - 1] === 0) length--;
  return new Uint8Array(Buffer.concat([before, piece.subarray(0, length)]).subarray(-FOOTER.length));
}

function isPadding(bytes: Uint8Array): boolean {
  return bytes.every(byte => byte === 0);
}

function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return beginning.every((byte, i) => bytes[i] === byte);
}

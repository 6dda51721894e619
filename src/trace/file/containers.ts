import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TraceError } from '../trace-error.ts';
import { unxz } from './xz-streams.ts';

/** A compressed file around the trace itself, as gzip, zstd and xz make them. */
export interface Container {
  readonly name: 'gzip' | 'zstd' | 'xz';
  /** What the file begins with. */
  readonly magic: readonly number[];
  /** The content, piece by piece; fails with an error of the decoder's where the data is damaged or cut. */
  decompress(chunks: Iterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** The containers that are looked into. */
const CONTAINERS: readonly Container[] = [
  // RFC 1952; several members follow each other as one.
  { name: 'gzip', magic: [0x1f, 0x8b, 0x08], decompress: gunzip },
  // RFC 8878
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], decompress: chunks => unzstd(chunks) },
  // https://tukaani.org/xz/xz-file-format.txt; several streams follow each other as one.
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], decompress: unxz },
];

/** The container whose first bytes these are, if it is one. */
export function containerOf(head: Uint8Array): Container | undefined {
  return CONTAINERS.find(({ magic }) => magic.every((byte, i) => head[i] === byte));
}

/**
 * The content of a container. What came before a damage is handed out before the error is thrown.
 *
 * @throws {@link TraceError} where the data is damaged or ends early
 */
export async function* contentOf(
  container: Container,
  chunks: Iterable<Uint8Array>,
  file: string,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  try {
    for await (const chunk of container.decompress(chunks)) {
      if (chunk.length === 0) continue;
      size += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (error instanceof TraceError) throw error;
    throw new TraceError(
      file,
      `its ${container.name} data is damaged or cut short: only the first ${size} bytes of the content could be decompressed`,
    );
  }
}

/** Node's own decoder, pulled by its reader: it never holds more than a few chunks. */
function gunzip(chunks: Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const from = Readable.from(chunks, { objectMode: true, highWaterMark: 1 });
  const gunzipped = createGunzip({ chunkSize: 256 << 10 });
  from.on('error', error => gunzipped.destroy(error));
  return from.pipe(gunzipped);
}

async function* unzstd(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* (await loadZstdStream())(chunks);
}

/** Decompresses a stream of zstd, of which each piece may end anywhere. */
export type ZstdStream = (chunks: Iterable<Uint8Array>) => Generator<Uint8Array>;

/**
 * The decoder that Node 20 lacks and that, unlike Node's later one, hands out content step by step: what a chunk holds
 * before the next is asked for.
 */
export async function loadZstdStream(): Promise<ZstdStream> {
  const { loadWasmZstd } = await import('./zstd-module.ts');
  const decoder = await loadWasmZstd();
  return function* decompress(chunks) {
    let rest: Uint8Array = new Uint8Array(0);
    const source = chunks[Symbol.iterator]();
    const pieces = decoder.stream(into => {
      while (rest.length === 0) {
        const next = source.next();
        if (next.done) return 0;
        rest = next.value;
      }
      const part = rest.subarray(0, into.length);
      into.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    });
    // Copies: they are kept while more is decompressed.
    for (const piece of pieces) yield piece.slice();
  };
}

import { ByteReader } from '../file/byte-reader.ts';
import { quoted, TraceError } from '../trace-error.ts';
import type { TraceDat, TraceText } from './trace-dat.ts';

/** Bytes of text that are read at once. */
const WINDOW = 256 << 10;

/** Of the texts in a file the one that is read: that of the top instance, or the first. */
export function textToRead<Text extends { readonly name: string }>(texts: readonly Text[]): Text | undefined {
  return texts.find(({ name }) => name === '') ?? texts[0];
}

/** Sentences about the texts of a file that are passed over: one can be read, where the file has no events beside it. */
export function textNotes(texts: readonly { readonly name: string }[], hasEvents: boolean): string[] {
  const read = hasEvents ? undefined : textToRead(texts);
  return texts
    .filter(text => text !== read)
    .map(({ name }) => {
      const which = name === '' ? '' : ` (instance ${quoted(name)})`;
      const other = hasEvents ? 'the events of another instance were' : 'the text of another instance was';
      return `The text of a latency tracer${which} in the file was not read: ${other}, and the two cannot be joined.`;
    });
}

/** The text of a latency tracer as it comes; it may end early. */
export interface TextChunks {
  chunks(): AsyncIterable<Uint8Array>;
  /** Bytes of the file that were read so far. */
  consumed(): number;
  /** Why the text ended early, if it did; known once it was read. */
  damage(): TraceError | undefined;
}

/** Reads the text that a file holds in place of events (trace-cmd.dat.v7.5, BUFFER TEXT SECTION). */
export function readText(trace: TraceDat, text: TraceText): TextChunks {
  let consumed = 0;
  let damage: TraceError | undefined;
  const pieces = text.compressed ? decompressed : stored;
  return {
    async *chunks() {
      try {
        for (const [bytes, size] of pieces(trace, text)) {
          consumed += size;
          yield bytes;
        }
      } catch (error) {
        if (!(error instanceof TraceError)) throw error;
        damage = error;
      }
    },
    consumed: () => consumed,
    damage: () => damage,
  };
}

/** A piece of the text, with the bytes that it takes in the file. */
type Piece = readonly [bytes: Uint8Array, size: number];

function* stored({ file }: TraceDat, { offset, size }: TraceText): Generator<Piece> {
  for (let at = 0; at < size; ) {
    const bytes = file.readUpTo(offset + at, Math.min(WINDOW, size - at));
    if (bytes.length === 0) throw endsEarly(file.name, file.size);
    at += bytes.length;
    yield [bytes, bytes.length];
  }
}

/** u32 count of chunks, then of each u32 compressed size, u32 size, data; as event data is compressed. */
function* decompressed(trace: TraceDat, text: TraceText): Generator<Piece> {
  const { file, decompress, littleEndian } = trace;
  if (!decompress)
    throw new TraceError(file.name, 'its text is compressed, but it names no compression', text.offset);
  const words = (at: number, count: number): ByteReader => {
    if (at + count * 4 > file.size) throw endsEarly(file.name, file.size);
    const bytes = file.read(at, count * 4, 'the size of a chunk of text');
    return new ByteReader(bytes, littleEndian, file.name, at, 'the size of a chunk of text');
  };
  const count = words(text.offset, 1).u32();
  let at = text.offset + 4;
  for (let i = 0; i < count; i++) {
    const sizes = words(at, 2);
    const packed = sizes.u32();
    const size = sizes.u32();
    at += 8;
    if (at + packed > file.size) throw endsEarly(file.name, file.size);
    // Copied: the decoder uses its memory again.
    const bytes = decompress(file.read(at, packed, 'a chunk of text'), size, file.name, at).slice();
    at += packed;
    yield [bytes, packed + 8];
  }
}

function endsEarly(file: string, size: number): TraceError {
  return new TraceError(file, `the file ends at byte ${size}, before the end of its text`);
}

import { latin1 } from '../file/latin1.ts';
import type { InternedTexts } from './interned.ts';

interface Known {
  readonly bytes: Uint8Array;
  /** The whole words of `bytes`, big-endian. */
  readonly words: Int32Array;
  readonly id: number;
}

/** Interns strings straight from a record, without making a string for one that was seen before. */
export class InternedBytes {
  private readonly texts: InternedTexts;
  private readonly known = new Map<number, Known[]>();
  /** Events of one device tend to follow each other. */
  private last: Known = known(new Uint8Array(0), 0);

  constructor(texts: InternedTexts) {
    this.texts = texts;
  }

  /** The id of the text at `at`, which ends at a NUL or after `length` bytes; 0 for an empty one. */
  id(view: DataView, at: number, length: number): number {
    const { last } = this;
    if (last.id !== 0 && isText(view, at, length, last)) return last.id;
    let hash = 0x811c9dc5;
    let size = 0;
    for (; size < length; size++) {
      const byte = view.getUint8(at + size);
      if (byte === 0) break;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    if (size === 0) return 0;
    const candidates = this.known.get(hash);
    if (candidates) {
      for (const candidate of candidates) {
        if (!isText(view, at, length, candidate)) continue;
        this.last = candidate;
        return candidate.id;
      }
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset + at, size).slice();
    const id = this.texts.id(latin1(bytes));
    this.last = known(bytes, id);
    if (candidates) candidates.push(this.last);
    else this.known.set(hash, [this.last]);
    return id;
  }
}

/** Whether the text at `at`, of at most `length` bytes, is `bytes`; compared in words, a device is named in each event. */
function isText(view: DataView, at: number, length: number, { bytes, words }: Known): boolean {
  const size = bytes.length;
  if (size > length || (size < length && view.getUint8(at + size) !== 0)) return false;
  for (let i = 0; i < words.length; i++) if (view.getInt32(at + i * 4) !== words[i]) return false;
  for (let i = words.length * 4; i < size; i++) if (view.getUint8(at + i) !== bytes[i]) return false;
  return true;
}

function known(bytes: Uint8Array, id: number): Known {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = Int32Array.from({ length: bytes.length >>> 2 }, (_, i) => view.getInt32(i * 4));
  return { bytes, words, id };
}

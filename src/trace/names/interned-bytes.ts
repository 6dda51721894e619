import type { InternedTexts } from './interned.ts';

const latin1 = new TextDecoder('latin1');

/** Interns strings straight from a record, without making a string for one that was seen before. */
export class InternedBytes {
  private readonly texts: InternedTexts;
  private readonly known = new Map<number, { readonly bytes: Uint8Array; readonly id: number }[]>();

  constructor(texts: InternedTexts) {
    this.texts = texts;
  }

  /** The id of the text at `at`, which ends at a NUL or after `length` bytes; 0 for an empty one. */
  id(view: DataView, at: number, length: number): number {
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
      for (const { bytes, id } of candidates) if (same(bytes, view, at, size)) return id;
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset + at, size).slice();
    const id = this.texts.id(latin1.decode(bytes));
    if (candidates) candidates.push({ bytes, id });
    else this.known.set(hash, [{ bytes, id }]);
    return id;
  }
}

function same(bytes: Uint8Array, view: DataView, at: number, size: number): boolean {
  if (bytes.length !== size) return false;
  for (let i = 0; i < size; i++) if (bytes[i] !== view.getUint8(at + i)) return false;
  return true;
}

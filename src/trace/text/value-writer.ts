import type { LearntSymbols } from '../names/learnt-symbols.ts';
import { type BatchWriter, LARGEST_RECORD } from './batch-writer.ts';
import type { PlacedField } from './body-trace.ts';
import { FIELD_BYTES } from './record-format.ts';
import {
  CLOSE_CURLY,
  CLOSE_SQUARE,
  COMMA,
  find,
  QUOTE,
  SLASH,
  SPACE,
  scanDecimal,
  scanHex,
  scanNumber,
  startsWith,
  wide,
} from './scan.ts';
import { endOfWord, scanAttributes, scanDirection, scanPlace } from './word-values.ts';

/** Writes the values of a line into the record that the next one of a batch will be. */
export class ValueWriter {
  /** Where in the record the next value goes that has no fixed size; the size of the record at last. */
  tail = 0;
  private readonly symbols: LearntSymbols;

  constructor(symbols: LearntSymbols) {
    this.symbols = symbols;
  }

  /** Writes one value and returns where it ends. */
  write(field: PlacedField, bytes: Uint8Array, at: number, end: number, batch: BatchWriter): number {
    switch (field.form) {
      case 'number':
      case 'rangeStart':
      case 'rangeEnd':
        at = scanNumber(bytes, at, end);
        break;
      case 'hex':
        at = scanHex(bytes, at, end);
        break;
      case 'pfn':
        at = scanNumber(bytes, at, end);
        if (wide.high === 0 && wide.low === 0) wide.high = wide.low = 0xffff_ffff;
        break;
      case 'outOf':
        at = scanNumber(bytes, at, end);
        if (bytes[at] === SLASH) at = scanDecimal(bytes, at + 1, end);
        break;
      case 'direction':
        at = scanDirection(bytes, at, end);
        break;
      case 'attributes':
        at = scanAttributes(bytes, at, end);
        break;
      case 'place': {
        const stop = endOfWord(bytes, at, end);
        scanPlace(this.symbols, bytes, at, stop);
        at = stop;
        break;
      }
      case 'string':
        return this.string(field, bytes, at, end, batch);
      case 'text':
        this.putBytes(field, bytes, at, end, batch);
        return end;
      case 'wides':
        return this.array(field, FIELD_BYTES, bytes, at, end, batch);
      case 'words':
        return this.array(field, 4, bytes, at, end, batch);
    }
    put(batch, field.offset);
    return at;
  }

  /** A text in quotes may hold spaces; trace-cmd report -R prints none. */
  private string(field: PlacedField, bytes: Uint8Array, at: number, end: number, batch: BatchWriter): number {
    const quoted = bytes[at] === QUOTE;
    const start = quoted ? at + 1 : at;
    const stop = find(bytes, quoted ? QUOTE : SPACE, start, end);
    this.putBytes(field, bytes, start, stop, batch);
    return quoted ? stop + 1 : stop;
  }

  private array(
    field: PlacedField,
    elementBytes: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    batch: BatchWriter,
  ): number {
    const start = this.tail;
    const raw = startsWith(bytes, at, end, 'ARRAY[');
    const stop = find(bytes, raw ? CLOSE_SQUARE : CLOSE_CURLY, at, end);
    at += raw ? 6 : 1;
    while (at < stop && this.tail + FIELD_BYTES <= LARGEST_RECORD) {
      const before = at;
      at = raw ? scanHex(bytes, at, stop) : scanNumber(bytes, at, stop);
      if (at === before) break;
      batch.reserve(this.tail + FIELD_BYTES);
      const tail = batch.start + this.tail;
      if (raw) {
        if (tail % 4 === 0) batch.words[tail >> 2] = 0;
        batch.bytes[tail] = wide.low;
        this.tail++;
      } else {
        batch.words[tail >> 2] = wide.low;
        if (elementBytes === FIELD_BYTES) batch.words[(tail >> 2) + 1] = wide.high;
        this.tail += elementBytes;
      }
      while (at < stop && (bytes[at] === COMMA || bytes[at] === SPACE)) at++;
    }
    this.putLocation(field, start, this.tail - start, batch);
    this.tail = (this.tail + 3) & ~3;
    return stop + 1;
  }

  private putBytes(field: PlacedField, bytes: Uint8Array, at: number, end: number, batch: BatchWriter): void {
    const length = Math.min(end - at, LARGEST_RECORD - FIELD_BYTES - this.tail);
    if (length <= 0) return;
    const size = (length + 4) & ~3;
    batch.reserve(this.tail + size);
    const start = batch.start + this.tail;
    // The last word is not filled by the text: NUL ends it.
    batch.words[((start + size) >> 2) - 1] = 0;
    for (let i = 0; i < length; i++) batch.bytes[start + i] = bytes[at + i] as number;
    this.putLocation(field, this.tail, length + 1, batch);
    this.tail += size;
  }

  private putLocation(field: PlacedField, at: number, length: number, batch: BatchWriter): void {
    batch.words[(batch.start + field.offset) >> 2] = (length << 16) | at;
  }
}

/** Writes {@link wide} at `offset` of the record. */
export function put(batch: BatchWriter, offset: number): void {
  const word = (batch.start + offset) >> 2;
  batch.words[word] = wide.low;
  batch.words[word + 1] = wide.high;
}

import type { EventLocation } from '../kernel/source.ts';
import { hex } from '../kernel/units.ts';

/** Where a file holds an event: `trace.dat, offset 0x900c, 0x5f0c into the decompressed chunk`. */
export function formatLocation({ file, offset, inChunk, line }: EventLocation): string {
  if (line !== undefined) return `${file}, line ${line}`;
  const inner = inChunk === undefined ? '' : `, ${hex(inChunk)} into the decompressed chunk`;
  return `${file}, offset ${hex(offset)}${inner}`;
}

import { readFileSync } from 'node:fs';

/**
 * Offsets at which the parts of a little-endian trace.dat begin: the sections of version 7, or what follows each other
 * in version 6 up to the table of the CPUs, and the data of each CPU.
 */
export function bordersOf(path: string): number[] {
  const bytes = readFileSync(path);
  return bytes.toString('latin1', 10, 11) === '6' ? bordersOfVersion6(bytes) : bordersOfVersion7(bytes);
}

/** Bytes of magic, version, byte order, size of a long and size of a page. */
const HEADER = 18;

function bordersOfVersion7(bytes: Buffer): number[] {
  const borders = [HEADER];
  let at = bytes.indexOf(0, HEADER) + 1;
  at = bytes.indexOf(0, at) + 1;
  for (at += 8; at + 16 <= bytes.length; at += 16 + Number(bytes.readBigUInt64LE(at + 8)))
    borders.push(at, at + 16);
  return borders;
}

function bordersOfVersion6(bytes: Buffer): number[] {
  const borders = [HEADER];
  let at = HEADER;
  const skip = (length: number): void => {
    at += length;
    borders.push(at);
  };
  const wide = (): number => Number(bytes.readBigUInt64LE(at));
  const word = (): number => bytes.readUInt32LE(at);
  const formats = (count: number): void => {
    for (let i = 0; i < count; i++) at += 8 + wide();
    borders.push(at);
  };
  for (const tag of ['header_page', 'header_event']) {
    skip(tag.length + 1);
    skip(8 + wide());
  }
  at += 4;
  formats(bytes.readUInt32LE(at - 4));
  const systems = word();
  at += 4;
  for (let i = 0; i < systems; i++) {
    at = bytes.indexOf(0, at) + 1;
    at += 4;
    formats(bytes.readUInt32LE(at - 4));
  }
  skip(4 + word()); // kallsyms
  skip(4 + word()); // printk formats
  skip(8 + wide()); // command names
  const cpus = word();
  skip(4);
  skip(10); // "options"
  while (bytes.readUInt16LE(at) !== 0) skip(6 + bytes.readUInt32LE(at + 2));
  skip(2);
  skip(10); // "flyrecord"
  for (let cpu = 0; cpu < cpus; cpu++) {
    const [offset, size] = [wide(), Number(bytes.readBigUInt64LE(at + 8))];
    borders.push(offset, offset + size);
    skip(16);
  }
  return borders;
}

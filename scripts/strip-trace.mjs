#!/usr/bin/env node
/**
 * strip-trace: makes a real trace.dat small enough to be kept in a repository.
 *
 * Usage: node scripts/strip-trace.mjs IN.dat OUT.dat
 *
 * IN.dat is a file of version 7 (trace-cmd 3.x) from a 64-bit little-endian machine. OUT.dat is the same with
 * - of the kernel symbols those that an event can refer to: every 64-bit word at a multiple of 4 in an event
 *   that is an upper-half address within the table keeps the symbol at or below it and the next higher one (so
 *   that function sizes stay right), with all other names of these two addresses. The symbols of NAMED_SYMBOLS,
 *   which tools look up by name, stay likewise. Lines and their order are as in the original;
 * - of the event formats, if there are more than MANY_FORMATS, those of the events that occur and those of
 *   KEPT_SYSTEMS; the section with those of "ftrace" always stays whole;
 * - everything else byte for byte: events (compressed chunks are copied), options, task names, printk formats,
 *   clock, uname, CPU statistics. `trace-cmd report` prints the same for both files.
 *
 * File layout, as trace-cmd 3.1.6 writes it: magic, "tracing", version, endianness, sizeof(long), page size,
 * compression name and version, u64 offset of the first options section; then sections without gaps, each
 * { u16 id, u16 flags, u32 description, u64 size, body }. Flag 1: the body is compressed, { u32 packed size,
 * u32 size, data }. Flags are per section: what is rewritten here becomes uncompressed (Node 20 cannot write
 * zstd). An options section repeats { u16 id, u32 size, data } until id 0. CPU data starts at file offsets
 * aligned to the page size; if compressed it is { u32 chunks, then each chunk like a compressed body }, and
 * the size in the BUFFER option leaves that first u32 out. A CPU without data has size 0 and no bytes.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { inflateSync } from 'node:zlib';
import { ZSTDDecoder } from 'zstddec';

const MANY_FORMATS = 200;
const KEPT_SYSTEMS = new Set(['iommu', 'dma', 'kmem', 'page_pool', 'iommusan']);
const NAMED_SYMBOLS = new Set(
  `vmemmap_base page_offset_base phys_base _text _stext _etext __init_begin iommu_map_nosync __iommu_map
  __iommu_unmap iommu_unmap iommu_unmap_fast iommu_domain_free iommu_paging_domain_alloc_flags really_probe
  device_unbind_cleanup bus_notify page_pool_destroy`.split(/\s+/),
);

const MAGIC = Buffer.from('\x17\x08Dtracing', 'latin1');
const SECTION_HEADER_BYTES = 16;
const COMPRESSED = 1;
/** Ids of sections, which are also those of the options that point to them. */
const ID = { options: 0, buffer: 3, formats: 18, kallsyms: 19 };
/** Options that begin with the u64 offset of a section: 0 is the next options section, 22 a latency trace. */
const OPTIONS_WITH_OFFSET = new Set([ID.options, ID.buffer, 16, 17, ID.formats, ID.kallsyms, 20, 21, 22]);
/** The lowest upper 32 bits of a kernel address. */
const UPPER_HALF = 0xffff8000;

class BadTrace extends Error {}
function fail(message) {
  throw new BadTrace(message);
}

/** A cursor over little-endian data. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  take(size) {
    if (size < 0 || size > this.left) fail('the file is cut off or damaged');
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }
  u16 = () => this.take(2).readUInt16LE();
  u32 = () => this.take(4).readUInt32LE();
  u64 = () => Number(this.take(8).readBigUInt64LE());
  string() {
    const end = this.bytes.indexOf(0, this.at);
    return this.take(end + 1 - this.at)
      .toString('latin1')
      .slice(0, -1);
  }
  get left() {
    return this.bytes.length - this.at;
  }
}

function u64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
const u32 = value => u64(value).subarray(0, 4);

/** Reads what comes before the sections. */
function readHeader(file) {
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) fail('not a trace.dat file');
  const reader = new Reader(file, MAGIC.length);
  const version = reader.string();
  if (version !== '7') fail(`file version ${version}, but only version 7 can be stripped`);
  if (reader.u16() !== 0x0800) fail('not from a 64-bit little-endian machine');
  reader.u32(); // page size; the BUFFER options have their own
  const compression = reader.string();
  reader.string(); // version of the compression library
  return { compression, end: reader.at + 8 };
}

/** Returns a function that uncompresses the block { u32 compressed, u32 uncompressed, data } that a reader is at. */
async function makeUncompress(compression) {
  const decoders = { none: {}, zstd: new ZSTDDecoder(), zlib: { decode: bytes => inflateSync(bytes) } };
  const decoder = decoders[compression];
  if (!decoder) fail(`unknown compression "${compression}"`);
  await decoder.init?.();
  return reader => {
    const [packedSize, size] = [reader.u32(), reader.u32()];
    const packed = reader.take(packedSize);
    let plain;
    try {
      plain = Buffer.from(decoder.decode(packed, size));
    } catch {}
    if (plain?.length !== size) fail(`a block is not what ${compression} compression makes`);
    return plain;
  };
}

/** Lists the sections in file order. */
function readSections(file, start) {
  const sections = [];
  const reader = new Reader(file, start);
  while (reader.left > 0) {
    const section = { start: reader.at, id: reader.u16(), flags: reader.u16(), description: reader.u32() };
    const size = reader.u64();
    sections.push({ ...section, body: reader.take(size) });
  }
  return sections;
}

/** The uncompressed body of a section (not of one with CPU data, which is compressed in chunks). */
const contentOf = (section, uncompress) =>
  section.flags & COMPRESSED ? uncompress(new Reader(section.body)) : section.body;

/** Gives a section a new, uncompressed body. */
function replaceBody(section, body) {
  section.body = body;
  section.flags &= ~COMPRESSED;
}

/** Takes a BUFFER option apart. The `offset` of a CPU is the part of the option that holds it. */
function readBuffer(file, option, sectionAt) {
  const reader = new Reader(option);
  const section = sectionAt(reader.u64());
  const compressed = section.flags & COMPRESSED;
  reader.string(); // instance name
  reader.string(); // clock
  const pageSize = reader.u32();
  const count = reader.u32();
  if (reader.left !== count * 20 || pageSize === 0) fail('a BUFFER option of unknown layout');
  const cpus = Array.from({ length: count }, () => {
    reader.u32(); // CPU number
    const offset = reader.take(8);
    const size = reader.u64();
    if (size === 0) return { offset, data: Buffer.alloc(0) };
    return { offset, data: new Reader(file, new Reader(offset).u64()).take(compressed ? size + 4 : size) };
  });
  return { section, compressed, pageSize, cpus };
}

/** The payloads (from `common_type` on) of the events of one ring buffer page. */
function* eventsOf(page) {
  const reader = new Reader(page, 8);
  const committed = reader.u32() & 0x3fffffff; // the top bits say that events before this page were lost
  reader.u32();
  const events = new Reader(reader.take(committed));
  while (events.left >= 4) {
    const head = events.u32();
    const typeLen = head & 31;
    if (typeLen === 29 && head >>> 5 === 0) return; // the rest of the page is unused
    if (typeLen === 29) events.take(events.u32() - 4);
    else if (typeLen >= 30) events.u32();
    else yield events.take(typeLen === 0 ? events.u32() - 4 : typeLen * 4);
  }
}

/** Collects what the events refer to: event ids, and words that may be kernel addresses. */
function collectReferences(buffers, uncompress) {
  const eventIds = new Set();
  const addresses = new Set();
  const collect = event => {
    eventIds.add(event.readUInt16LE(0));
    for (let at = 0; at + 8 <= event.length; at += 4) {
      if (event.readUInt32LE(at + 4) >= UPPER_HALF) addresses.add(event.readBigUInt64LE(at));
    }
  };
  for (const { compressed, pageSize, cpus } of buffers) {
    for (const { data } of cpus) {
      let pages = data;
      if (compressed && data.length > 0) {
        const reader = new Reader(data);
        pages = Buffer.concat(Array.from({ length: reader.u32() }, () => uncompress(reader)));
      }
      for (let at = 0; at < pages.length; at += pageSize) {
        for (const event of eventsOf(pages.subarray(at, at + pageSize))) collect(event);
      }
    }
  }
  return { eventIds, addresses };
}

/** The index of a symbol at `address`, or else the one below it: with the steps that bsearch() in C makes. */
function search(symbols, address) {
  let [low, high] = [0, symbols.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (symbols[middle].address === address) return middle;
    if (symbols[middle].address < address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Drops the lines of a kallsyms text that no address and no name of NAMED_SYMBOLS needs. Where an address has
 * several names, trace-cmd prints the one that its bsearch() meets first, which depends on the number of
 * symbols: so that it prints the same one as before, the lowest unneeded symbols are kept until that is so.
 */
function stripKallsyms(text, addresses) {
  const lines = text.split('\n').map(line => {
    const [, address, type, name] = /^([0-9a-f]+) (\S) (\S+)/.exec(line) ?? [];
    return { line, address: address && BigInt(`0x${address}`), type, name };
  });
  // In the order of libtraceevent: by address, and the names of an address from last to first.
  const symbols = lines
    .filter(({ name }) => name)
    .reverse()
    .sort((a, b) => Number(a.address - b.address));
  const named = symbols.filter(({ name }) => NAMED_SYMBOLS.has(name)).map(({ address }) => address);
  const kept = new Set();
  for (const address of [...addresses, ...named]) {
    let index = search(symbols, address);
    if (index < 0) continue;
    const found = symbols[index].address;
    while (symbols[index]?.address === found) index += 1;
    kept.add(found).add(symbols[index]?.address);
  }

  // libtraceevent loads everything but absolute symbols and the marks of ARM code.
  const loaded = symbols.filter(({ type, name }) => !/^a$/i.test(type) && !name.startsWith('$'));
  const unneeded = loaded.filter(({ address }) => !kept.has(address));
  const nameOf = (table, address) => table[search(table, address)];
  const printsTheSame = () => {
    const table = loaded.filter(({ address }) => kept.has(address));
    return [...addresses].every(address => nameOf(table, address) === nameOf(loaded, address));
  };
  while (!printsTheSame()) kept.add(unneeded.shift().address);

  // What is no symbol (the empty string after the last line feed, a final NUL) stays.
  const left = lines.filter(({ name, address }) => !name || kept.has(address));
  return left.map(({ line }) => line).join('\n');
}

/** Drops the formats of events that do not occur, if there are very many. Returns `content` itself otherwise. */
function stripFormats(content, eventIds) {
  const reader = new Reader(content);
  const systems = Array.from({ length: reader.u32() }, () => {
    const name = reader.string();
    return { name, formats: Array.from({ length: reader.u32() }, () => reader.take(reader.u64())) };
  });
  if (systems.flatMap(({ formats }) => formats).length <= MANY_FORMATS) return content;

  const occurs = format => eventIds.has(Number(/^ID: (\d+)$/m.exec(format.toString('latin1'))?.[1]));
  const left = systems
    .map(({ name, formats: all }) => ({ name, formats: KEPT_SYSTEMS.has(name) ? all : all.filter(occurs) }))
    .filter(({ formats }) => formats.length > 0);
  const parts = [u32(left.length)];
  for (const { name, formats } of left) {
    parts.push(Buffer.from(`${name}\0`, 'latin1'), u32(formats.length));
    for (const format of formats) parts.push(u64(format.length), format);
  }
  return Buffer.concat(parts);
}

/** Lays a section with CPU data out anew from file offset `at` on, and notes the new offsets in its option. */
function placeCpuData({ pageSize, cpus }, at) {
  const parts = [];
  for (const { offset, data } of cpus) {
    const aligned = Math.ceil(at / pageSize) * pageSize;
    u64(aligned).copy(offset);
    if (data.length === 0) continue;
    parts.push(Buffer.alloc(aligned - at), data);
    at = aligned + data.length;
  }
  return Buffer.concat(parts);
}

/** Returns the stripped file. */
async function strip(file) {
  const header = readHeader(file);
  const uncompress = await makeUncompress(header.compression);
  const sections = readSections(file, header.end);
  const byStart = new Map(sections.map(section => [section.start, section]));
  const sectionAt = offset => byStart.get(offset) ?? fail(`no section starts at offset ${offset}`);
  const options = [];
  for (const section of sections.filter(({ id }) => id === ID.options)) {
    replaceBody(section, Buffer.from(contentOf(section, uncompress))); // a copy: its offsets will be changed
    const reader = new Reader(section.body);
    do options.push({ id: reader.u16(), data: reader.take(reader.u32()) });
    while (options.at(-1).id !== ID.options);
  }
  const buffers = options
    .filter(({ id }) => id === ID.buffer)
    .map(({ data }) => readBuffer(file, data, sectionAt));
  const { eventIds, addresses } = collectReferences(buffers, uncompress);

  for (const section of sections) {
    if (section.id === ID.kallsyms) {
      const reader = new Reader(contentOf(section, uncompress));
      const symbols = stripKallsyms(reader.take(reader.u32()).toString('latin1'), addresses);
      replaceBody(section, Buffer.concat([u32(symbols.length), Buffer.from(symbols, 'latin1')]));
    } else if (section.id === ID.formats) {
      const content = contentOf(section, uncompress);
      const formats = stripFormats(content, eventIds);
      if (formats !== content) replaceBody(section, formats);
    }
  }

  let end = header.end;
  for (const section of sections) {
    section.newStart = end;
    const buffer = buffers.find(candidate => candidate.section === section);
    if (buffer) section.body = placeCpuData(buffer, end + SECTION_HEADER_BYTES);
    else if (section.id === ID.buffer) fail('a section with CPU data that no option describes');
    end += SECTION_HEADER_BYTES + section.body.length;
  }
  const redirect = pointer => {
    const old = new Reader(pointer).u64();
    if (old !== 0) u64(sectionAt(old).newStart).copy(pointer);
  };
  for (const { id, data } of options) if (OPTIONS_WITH_OFFSET.has(id)) redirect(data);
  const parts = [Buffer.from(file.subarray(0, header.end))];
  redirect(parts[0].subarray(-8)); // the offset of the first options section
  for (const { id, flags, description, body } of sections) {
    parts.push(u32(id + flags * 0x10000), u32(description), u64(body.length), body);
  }
  return Buffer.concat(parts);
}

const [input, output, ...rest] = process.argv.slice(2);
if (!input || !output || rest.length > 0) {
  console.error('usage: node scripts/strip-trace.mjs IN.dat OUT.dat');
  process.exit(2);
}
try {
  const stripped = await strip(await readFile(input));
  await writeFile(output, stripped);
  console.log(`${output}: ${stripped.length} bytes`);
} catch (error) {
  if (!(error instanceof BadTrace) && error.code === undefined) throw error;
  console.error(`strip-trace: ${error instanceof BadTrace ? `${input}: ` : ''}${error.message}`);
  process.exit(1);
}

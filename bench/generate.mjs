// Writes traces of any length, as `iommusan record` would: for each map the probe at the entry, the tracepoint and the
// return; for each unmap the entry and the tracepoint; the events of the DMA API and of the page allocator.
//
// One block of some 250,000 events is made from a seed, and written again and again at later times. At the end of a
// block everything is unmapped and free, so the blocks fit each other. Four CPUs work, each for a device of its own:
//   - a network ring of 256 single pages, each unmapped and freed before the next takes its place;
//   - scatterlists of 16 pieces of 4 to 64 KiB, mapped one by one and unmapped at once;
//   - a virtual machine's memory: 2 MiB maps, 16 MiB unmaps;
//   - pages that come and go without a device.
// The very first events are a bug: a page is mapped, and freed while it is.
//
//   node bench/generate.mjs EVENTS FILE
import { pathToFileURL } from 'node:url';
import { EventWriter, LITTLE_ENDIAN_64, RingBuffer, shapeEvent, TraceWriter } from '../dist/trace/index.js';
import { CONSTANTS, KALLSYMS, SHAPES } from './shapes.mjs';

const SEED = 20261127;
const CPUS = 4;
const ROUNDS = 132;
const PAGE = 4096;
const RING = 256;
/** Pages that the tasks of a CPU get from the allocator again and again. */
const POOL = 8192;

/** Writes a trace of at least `events` events; returns how many it has. */
export async function generate(path, events) {
  const shapes = Object.fromEntries(
    Object.entries(SHAPES).map(([key, [system, name, fields, print]], i) => [
      key,
      shapeEvent(LITTLE_ENDIAN_64, system, name, 1000 + i, fields, print),
    ]),
  );
  const writer = await TraceWriter.create(
    path,
    {
      formats: Object.values(shapes),
      kallsyms: KALLSYMS,
      commandNames: Array.from({ length: CPUS }, (_, cpu) => `${100 + cpu} worker/${cpu}\n`).join(''),
      traceClock: '[mono]',
      uname: 'Linux bench 7.2.13 x86_64',
    },
    { compression: 'none' },
  );
  const begin = 1_000_000_000;
  const bug = blockOf(shapes, begin, firstEvents);
  const block = blockOf(shapes, bug.endNs, work);
  for (const [cpu, bytes] of bug.subBuffers) writer.write(0, cpu, bytes);
  let written = bug.events;
  for (let shift = 0; written < events; shift += block.endNs - bug.endNs, written += block.events) {
    for (const [cpu, bytes, timeNs] of block.subBuffers) {
      new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, BigInt(timeNs + shift), true);
      writer.write(0, cpu, bytes);
    }
  }
  writer.finish();
  return written;
}

/** The sub-buffers that `act` fills, in the order in which the CPUs fill them. */
function blockOf(shapes, startNs, act) {
  const subBuffers = [];
  const ring = new RingBuffer(LITTLE_ENDIAN_64, (cpu, bytes) => {
    for (let at = 0; at < bytes.length; at += PAGE) {
      const copy = bytes.slice(at, at + PAGE);
      subBuffers.push([cpu, copy, Number(new DataView(copy.buffer).getBigUint64(0, true))]);
    }
  });
  const writers = Object.fromEntries(
    Object.entries(shapes).map(([key, { format }]) => [
      key,
      new EventWriter(format, LITTLE_ENDIAN_64, CONSTANTS[key]),
    ]),
  );
  let events = 0;
  let endNs = startNs;
  for (let cpu = 0; cpu < CPUS; cpu++) {
    const random = randomNumbers(SEED + cpu);
    let timeNs = startNs;
    const tell = (key, values) => {
      timeNs += 200 + (random() % 2000);
      events++;
      writers[key].write(ring.cpu(cpu), timeNs, 100 + cpu, 0, values);
    };
    act(cpu, new Driver(cpu, random, tell));
    endNs = Math.max(endNs, timeNs + 1000);
  }
  ring.flush();
  return { subBuffers, events, endNs };
}

/** What a driver of one device does, and the kernel on its behalf. */
class Driver {
  constructor(cpu, random, tell) {
    this.random = random;
    this.tell = tell;
    this.device = `0000:0${cpu}:00.0`;
    this.domain = 0xff11_0001_0000_0000n + BigInt(cpu) * 0x1000n;
    this.firstPfn = 0x10_0000 + cpu * 0x10_0000;
    this.pool = Array.from({ length: POOL }, (_, i) => this.firstPfn + i);
  }

  alloc() {
    const at = this.random() % this.pool.length;
    const pfn = this.pool[at];
    this.pool[at] = this.pool[this.pool.length - 1];
    this.pool.pop();
    this.tell('alloc', { pfn, order: 0 });
    return pfn;
  }

  free(pfn) {
    this.pool.push(pfn);
    this.tell('free', { pfn, order: 0 });
  }

  map(iova, paddr, size) {
    const { domain } = this;
    this.tell('mapEntry', { domain, iova, paddr, size });
    this.tell('map', { iova, paddr, size });
    this.tell('mapReturn', {});
  }

  unmap(iova, size) {
    this.tell('unmapEntry', { domain: this.domain, iova, size });
    this.tell('unmap', { iova, size, unmapped_size: size });
  }

  dmaMap(iova, pfn) {
    const { device } = this;
    this.map(iova, pfn * PAGE, PAGE);
    this.tell('dmaMap', { device, phys_addr: pfn * PAGE, dma_addr: iova, size: PAGE, dir: 2, attrs: 0 });
  }

  dmaUnmap(iova) {
    const { device } = this;
    this.unmap(iova, PAGE);
    this.tell('dmaUnmap', { device, addr: iova, size: PAGE, dir: 2, attrs: 0 });
  }
}

/** A page is freed while its device can write to it; its mapping stays to the end. */
function firstEvents(cpu, driver) {
  if (cpu !== 0) return;
  const pfn = 0xf_0000;
  driver.tell('alloc', { pfn, order: 0 });
  driver.map(0x7000_0000, pfn * PAGE, PAGE);
  driver.tell('free', { pfn, order: 0 });
}

function work(_cpu, driver) {
  const slots = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < 32; i++) refill(driver, slots, (round * 32 + i) % RING);
    scatterlist(driver);
    churn(driver);
    if (round % 16 === 0) guestMemory(driver);
  }
  for (let i = 0; i < RING; i++) drain(driver, slots, i);
}

const iovaOfSlot = slot => 0xfff0_0000 - slot * PAGE;

function refill(driver, slots, slot) {
  drain(driver, slots, slot);
  const pfn = driver.alloc();
  driver.dmaMap(iovaOfSlot(slot), pfn);
  slots[slot] = pfn;
}

function drain(driver, slots, slot) {
  if (slots[slot] === undefined) return;
  driver.dmaUnmap(iovaOfSlot(slot));
  driver.free(slots[slot]);
  slots[slot] = undefined;
}

function scatterlist(driver) {
  let iova = 0xe000_0000;
  for (let i = 0; i < 16; i++) {
    const pages = 1 << (driver.random() % 5);
    driver.map(iova, (driver.firstPfn + 0x8000 + i * 16) * PAGE, pages * PAGE);
    iova += pages * PAGE;
  }
  driver.unmap(0xe000_0000, iova - 0xe000_0000);
}

function guestMemory(driver) {
  const size = 2 << 20;
  for (let i = 0; i < 8; i++)
    driver.map(0x1_0000_0000 + i * size, (driver.firstPfn + 0x1_0000 + i * 512) * PAGE, size);
  driver.unmap(0x1_0000_0000, 8 * size);
}

function churn(driver) {
  const pages = Array.from({ length: 8 }, () => driver.alloc());
  for (const pfn of pages) driver.free(pfn);
}

/** Mulberry32: the same numbers for the same seed, everywhere. */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return (word ^ (word >>> 14)) >>> 0;
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [events, path] = process.argv.slice(2);
  if (!path || !(Number(events) > 0)) {
    console.error('usage: node bench/generate.mjs EVENTS FILE');
    process.exit(2);
  }
  console.log(`${path}: ${(await generate(path, Number(events))).toLocaleString('en')} events`);
}

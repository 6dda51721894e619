// WORKLOAD ROUNDS FOLDER: a check alone, doing what kernel-loop.c does: the same calls with the same numbers, see
// workloads.h. Their events are told in batches, as those of a text are, so a check is measured without the reading; the
// time of making them is not counted. Prints the same: medians of the rounds, of ns for each operation and for each unmap,
// and what came out. The shadow also keeps who mapped, unmapped, allocated and freed each page, and when; and the calls of
// each thread are joined, as `iommusan record` writes them: entry, tracepoint and return of a map, entry and tracepoint of
// an unmap.
//
// It works on parts of iommusan that are not for others: workloads.mjs makes one file of it and starts that.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_CHECKS } from '../src/checks/all-checks.ts';
import { Judge } from '../src/checks/judge.ts';
import { LaneBatches } from '../src/lane/batches.ts';
import { Binder } from '../src/trace/bindings/binder.ts';
import { TraceSource } from '../src/trace/trace-source.ts';
import { LITTLE_ENDIAN_64 } from '../src/trace/write/abi.ts';
import { shapeEvent } from '../src/trace/write/event-shape.ts';
import { TraceWriter } from '../src/trace/write/trace-writer.ts';
import { CONSTANTS, KALLSYMS, SHAPES } from './shapes.mjs';

const PAGE = 4096;
const GIB_PAGES = 2 ** 18;
const MEMORY_PAGES = 2 ** 24;
const RING_OPERATIONS = 65_536;
const LISTS = 256;
const LIST_OPERATIONS = 4096;
const LIST_SPAN = 512;
const LARGEST_PIECE = 5;
const BATCH_PFN = 2 ** 23;
const BATCH_PAGE = 2 ** 20;
const LARGEST_BLOCK = 1024;

const ring = (live, pages, top, pool = 0) => ({ round: ringRound, live, pages, top, pool });
const batch = (pages, unmapPages, gibs, scattered) => ({
  round: batchRound,
  pages,
  unmapPages,
  gibs,
  scattered,
});

const WORKLOADS = {
  nic256: ring(256, 1, 2 ** 20),
  nic1024: ring(1024, 1, 2 ** 20),
  nic4096: ring(4096, 1, 2 ** 20),
  nic4096hi: ring(4096, 1, 2 ** 36),
  nic4096re: ring(4096, 1, 2 ** 20, 8192),
  nic64K: ring(4096, 16, 2 ** 20),
  sg: { round: listRound, top: 2 ** 20 },
  vfio1G: batch(GIB_PAGES, GIB_PAGES, 16, false),
  vfio1Gto2M: batch(GIB_PAGES, 512, 4, false),
  vfio1Gto64K: batch(GIB_PAGES, 16, 2, false),
  vfio2M: batch(512, GIB_PAGES, 4, true),
  'vfio2M-in-order': batch(512, GIB_PAGES, 4, false),
  vfio4K: batch(1, 512, 1, true),
  vfio4Kto1G: batch(1, GIB_PAGES, 1, true),
  'vfio4Kto1G-in-order': batch(1, GIB_PAGES, 1, false),
};

const [name, roundsText, scratch] = process.argv.slice(2);
const rounds = Number(roundsText);
const workload = WORKLOADS[name];
if (!workload || !(rounds >= 1)) {
  console.error('usage: shadow.mjs WORKLOAD ROUNDS FOLDER');
  process.exit(2);
}

const RECORDS = 4096;
const RECORD_BYTES = 64;
const POINTER = 0xff11_0001_0000_0000n;

/** Events of the kinds that the lane reads, written into batches as the reader of texts has them, see `RecordBatch`. */
class Batches {
  constructor(deliver) {
    this.deliver = deliver;
    this.bytes = new ArrayBuffer(RECORDS * RECORD_BYTES);
    this.longs = new Float64Array(RECORDS);
    this.batch = {
      view: new DataView(this.bytes),
      words: new Uint32Array(this.bytes),
      count: 0,
      timesNs: new Float64Array(RECORDS),
      payloads: Int32Array.from({ length: RECORDS }, (_, i) => i * RECORD_BYTES),
      payloadSizes: new Int32Array(RECORDS).fill(RECORD_BYTES),
      cpus: new Int32Array(RECORDS),
      positions: new Float64Array(RECORDS),
      stacks: new Int32Array(RECORDS),
      stackSizes: new Int32Array(RECORDS),
    };
    this.timeNs = 1e9;
    this.position = 0;
    this.ns = 0;
  }

  /** @param values of fields, as `[offset, value]` words of 32 bits each */
  put(template, values) {
    const { batch } = this;
    const first = batch.count * (RECORD_BYTES / 4);
    batch.words.set(template, first);
    for (let i = 0; i < values.length; i += 2) batch.words[first + values[i]] = values[i + 1];
    batch.timesNs[batch.count] = this.timeNs += 100;
    batch.positions[batch.count] = this.position += RECORD_BYTES;
    if (++batch.count === RECORDS) this.flush();
  }

  /** Has the lane tell what was written, and counts how long that takes. */
  flush() {
    const { batch } = this;
    if (batch.count === 0) return;
    const watch = startWatch();
    this.deliver(batch);
    this.ns += watch();
    batch.count = 0;
  }
}

/** Writers of events by name: a template of the constant fields, and where the others are. */
function eventWriters(shapes, batches) {
  return Object.fromEntries(
    Object.entries(shapes).map(([key, { format }]) => {
      const bytes = new ArrayBuffer(RECORD_BYTES);
      const view = new DataView(bytes);
      view.setUint16(0, format.id, true);
      view.setInt32(4, 1, true);
      const constants = { domain: POINTER, ...CONSTANTS[key] };
      const places = [];
      for (const { name, offset, size } of format.fields) {
        if (name.startsWith('common_')) continue;
        if (constants[name] === undefined) places.push(offset / 4, size);
        else if (size === 8) view.setBigUint64(offset, BigInt(constants[name]), true);
        else view.setInt32(offset, Number(constants[name]), true);
      }
      const template = new Uint32Array(bytes);
      const values = [];
      return [
        key,
        (...words) => {
          values.length = 0;
          for (const [i, word] of words.entries()) {
            values.push(places[2 * i], word % 2 ** 32);
            if (places[2 * i + 1] === 8) values.push(places[2 * i] + 1, Math.floor(word / 2 ** 32));
          }
          batches.put(template, values);
        },
      ];
    }),
  );
}

/** A check of a recording that has nothing but what the workload writes into batches. */
async function openCheck(folder) {
  const shapes = Object.fromEntries(
    Object.entries(SHAPES).map(([key, [system, event, fields, print]], i) => [
      key,
      shapeEvent(LITTLE_ENDIAN_64, system, event, 1000 + i, fields, print),
    ]),
  );
  const path = join(folder, `formats-${process.pid}.dat`);
  const writer = await TraceWriter.create(
    path,
    { formats: Object.values(shapes), kallsyms: KALLSYMS, traceClock: '[mono]' },
    { compression: 'none' },
  );
  writer.finish();
  const source = await TraceSource.open(path);
  rmSync(path);
  const { names, capabilities } = source;
  const judge = new Judge({
    names,
    capabilities,
    pageSize: PAGE,
    accounting: 'exact',
    checks: DEFAULT_CHECKS,
  });
  const { shadow } = judge;
  const changes = which => (at, pfn, order) => {
    if (shadow.accounting.anyMapped(pfn, 2 ** order))
      warnings += shadow.accounting.mappedPages(pfn, 2 ** order);
    judge.events[which](at, pfn, order);
  };
  const sink = { ...judge.events, pageAlloc: changes('pageAlloc'), pageFree: changes('pageFree') };
  const binder = new Binder(sink, names, capabilities, 8, PAGE);
  const formats = Object.values(shapes).map(({ format }) => format);
  binder.expect(formats);
  const byId = new Map(formats.map(format => [format.id, format]));
  const wanted = () => judge.wanted.now();
  const lane = new LaneBatches({ shadow, refs: shadow.accounting.refs, names, binder, wanted }, id =>
    binder.handlerFor(byId.get(id)),
  );
  const batches = new Batches(batch => lane.deliver(batch));
  domain = names.domains.id(Number(POINTER >> 32n), Number(POINTER & 0xffff_ffffn));
  judge.events.domainAttach({ timeNs: 1, cpu: 0, pid: 1, context: 1, stack: 0, position: 0 }, domain, 1);
  return { shadow, batches, lane, tell: eventWriters(shapes, batches) };
}

let maps = 0;
let unmaps = 0;
let warnings = 0;
let domain = 0;

let state = 20261127;
function nextRandom() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

/** A block anywhere in 64 GiB, but for the first. */
function randomBlock(pages) {
  return nextRandom() & (MEMORY_PAGES - 1) & -pages || pages;
}

function orderOf(pages) {
  return 31 - Math.clz32(pages);
}

function mapPages(page, pfn, pages) {
  const [iova, phys, size] = [page * PAGE, pfn * PAGE, pages * PAGE];
  alloc(pfn, pages);
  tell.mapEntry(iova, phys, size);
  tell.map(iova, phys, size);
  tell.mapReturn();
  maps++;
}

function unmapPages(page, pages) {
  const [iova, size] = [page * PAGE, pages * PAGE];
  tell.unmapEntry(iova, size);
  tell.unmap(iova, size, size);
  unmaps++;
}

/** The allocator knows no blocks larger than order 10: larger pieces are some of these. */
function alloc(pfn, pages) {
  for (let done = 0; done < pages; done += LARGEST_BLOCK) {
    tell.alloc(pfn + done, orderOf(Math.min(pages, LARGEST_BLOCK)));
  }
}

function free(pfn, pages) {
  for (let done = 0; done < pages; done += LARGEST_BLOCK) {
    tell.free(pfn + done, orderOf(Math.min(pages, LARGEST_BLOCK)));
  }
}

/** Tells nanoseconds since the start: of processor time, or what the clock says of less than a millisecond. */
function startWatch() {
  const { user, system } = process.cpuUsage();
  const start = process.hrtime.bigint();
  return () => {
    const byClock = Number(process.hrtime.bigint() - start);
    const now = process.cpuUsage();
    return byClock < 1e6 ? byClock : (now.user + now.system - user - system) * 1000;
  };
}

const livePfn = new Float64Array(4096);
const pool = new Float64Array(8192);
let slot = 0;
let recycled = 0;

function ringRound({ live, pages, top, pool: size }) {
  for (let i = 0; i < RING_OPERATIONS; i++) {
    const page = top - (slot + 1) * pages;
    if (livePfn[slot] !== 0) {
      unmapPages(page, pages);
      free(livePfn[slot], pages);
    }
    livePfn[slot] = size > 0 ? pool[recycled++ % size] : randomBlock(pages);
    mapPages(page, livePfn[slot], pages);
    slot = slot + 1 === live ? 0 : slot + 1;
  }
  return { operations: RING_OPERATIONS, unmapNs: 0, unmapped: 1 };
}

const lists = Array.from({ length: LISTS }, () => ({
  pieces: 0,
  total: 0,
  pfn: new Float64Array(256),
  pages: new Int32Array(256),
}));

function listRound({ top }) {
  for (let i = 0; i < LIST_OPERATIONS; i++) {
    const list = lists[slot];
    const page = top - (slot + 1) * LIST_SPAN;
    const total = 16 * (1 + (nextRandom() % 16));
    if (list.pieces > 0) {
      unmapPages(page, list.total);
      for (let piece = 0; piece < list.pieces; piece++) free(list.pfn[piece], list.pages[piece]);
    }
    let piece = 0;
    for (let done = 0; done < total; piece++) {
      let pages = 1 << (nextRandom() % LARGEST_PIECE);
      while (pages > total - done) pages >>= 1;
      list.pfn[piece] = randomBlock(pages);
      list.pages[piece] = pages;
      mapPages(page + done, list.pfn[piece], pages);
      done += pages;
    }
    list.pieces = piece;
    list.total = total;
    slot = slot + 1 === LISTS ? 0 : slot + 1;
  }
  return { operations: LIST_OPERATIONS, unmapNs: 0, unmapped: 1 };
}

function pieceOf({ pages, scattered }, i, round) {
  const blocks = BATCH_PFN / pages;
  return BATCH_PFN + (scattered ? (Math.imul(i, 0x9e3779b1) + round * 977) & (blocks - 1) : i) * pages;
}

function batchRound(workload, round) {
  const { pages, unmapPages: unmapped, gibs } = workload;
  const all = gibs * GIB_PAGES;
  const pieces = all / pages;
  for (let i = 0; i < pieces; i++) mapPages(BATCH_PAGE + i * pages, pieceOf(workload, i, round), pages);
  batches.flush();
  const before = batches.ns;
  for (let i = 0; i < all; i += unmapped) unmapPages(BATCH_PAGE + i, unmapped);
  batches.flush();
  const unmapNs = batches.ns - before;
  for (let i = 0; i < pieces; i++) free(pieceOf(workload, i, round), pages);
  return { operations: pieces, unmapNs, unmapped: all / unmapped };
}

/**
 * Plays the rounds once before they count. The kernel has the metadata of each page since it booted; the shadow has it
 * from the first event of a page on, and asks for memory then. What a long trace would have made V8 compile is compiled.
 */
function rehearse(workload) {
  for (let round = 0; round < rounds; round++) workload.round(workload, round);
  for (; workload.round === ringRound && livePfn[slot] !== 0; slot = (slot + 1) % workload.live) {
    unmapPages(workload.top - (slot + 1) * workload.pages, workload.pages);
    free(livePfn[slot], workload.pages);
    livePfn[slot] = 0;
  }
  for (; workload.round === listRound && lists[slot].pieces > 0; slot = (slot + 1) % LISTS) {
    const list = lists[slot];
    unmapPages(workload.top - (slot + 1) * LIST_SPAN, list.total);
    for (let piece = 0; piece < list.pieces; piece++) free(list.pfn[piece], list.pages[piece]);
    list.pieces = 0;
  }
  batches.flush();
  slot = recycled = maps = unmaps = warnings = 0;
}

/** Where the live IOVAs of the end lead to, added up. */
function translations({ round, live, pages, top }) {
  let sum = 0;
  const add = page => {
    const frame = shadow.translate(domain, page);
    if (frame >= 0) sum = (sum + frame) >>> 0;
  };
  if (round === ringRound) for (let i = 0; i < live; i++) add(top - (i + 1) * pages);
  if (round === listRound) for (let i = 0; i < LISTS * LIST_SPAN; i++) add(top - i - 1);
  return sum;
}

const { shadow, batches, tell } = await openCheck(scratch);
for (let i = 0; i < (workload.pool ?? 0); i++) pool[i] = randomBlock(1);
const seeded = state;
rehearse(workload);
state = seeded;
const whole = [];
const alone = [];
for (let round = 0; round < rounds; round++) {
  const before = batches.ns;
  const { operations, unmapNs, unmapped } = workload.round(workload, round);
  batches.flush();
  whole.push((batches.ns - before) / operations);
  alone.push(unmapNs / unmapped);
}
const median = values => values.toSorted((a, b) => a - b)[values.length >> 1];
console.log(
  `${median(whole).toFixed(1)} ${median(alone).toFixed(1)} ${maps} maps, ${unmaps} unmaps, ${warnings} warnings, ${shadow.accounting.mappedPages(0, MEMORY_PAGES)} pages mapped, leading to ${translations(workload)}`,
);

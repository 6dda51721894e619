// WORKLOAD ROUNDS FOLDER: the shadow alone, doing what kernel-loop.c does: the same calls with the same numbers, see
// workloads.h. They are what a check's compiled code does once it has read an event (calls.ts), and what is not ordinary
// goes the long way, as there. Prints the same: medians of the rounds, of ns for each operation and for each unmap, and what
// came out. The shadow also keeps who mapped, unmapped, allocated and freed each page, and when.
//
// It works on parts of iommusan that are not for others: workloads.mjs makes one file of it, compiles calls.ts into
// FOLDER/calls.wasm, and starts that.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_CHECKS } from '../src/checks/all-checks.ts';
import { Judge } from '../src/checks/judge.ts';
import { OUT_HIGH, OUT_LOW } from '../src/lane/assembly/board.ts';
import { Lane } from '../src/lane/lane.ts';
import { Lent } from '../src/lane/lent.ts';
import { REMEMBERED } from '../src/shadow/former-mappings.ts';
import { Binder } from '../src/trace/bindings/binder.ts';
import { TraceSource } from '../src/trace/trace-source.ts';
import { TraceWriter } from '../src/trace/write/trace-writer.ts';

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

/** What calls.ts does, and the bytes of a call. */
const ALLOC = 0;
const FREE = 1;
const MAP = 2;
const UNMAP = 3;
const CALL_BYTES = 24;
const CALLS = 4096;

/** The shadow of a check, and the compiled code that works on its tables. */
class Player {
  constructor(folder, source) {
    const { names, capabilities } = source;
    const judge = new Judge({
      names,
      capabilities,
      pageSize: PAGE,
      accounting: 'exact',
      checks: DEFAULT_CHECKS,
    });
    this.events = judge.events;
    this.shadow = judge.shadow;
    this.names = names;
    const binder = new Binder(judge.events, names, capabilities, 8, PAGE);
    this.lane = new Lane(new WebAssembly.Module(readFileSync(join(folder, 'calls.wasm'))));
    const { refs } = this.shadow.accounting;
    this.lent = new Lent(this.lane, this.shadow, refs, binder, names, () => judge.wanted.now());
    this.bytes = this.lane.memory.bytes(CALLS * CALL_BYTES);
    this.ints = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, (CALLS * CALL_BYTES) / 4);
    this.floats = new Float64Array(this.bytes.buffer, this.bytes.byteOffset, (CALLS * CALL_BYTES) / 8);
    this.count = 0;
    this.at = { timeNs: 1, cpu: 0, pid: 1, context: 1, stack: 0, position: 0 };
    this.domain = names.domains.id(0xff11_0001, 0);
    this.events.domainAttach(this.at, this.domain, 1);
    this.shadow.recent.of(1);
    /** Nanoseconds that the calls have taken, and how many the host has done. */
    this.ns = 0;
    this.done = 0;
  }

  put(what, page, frame, pages) {
    const { count } = this;
    this.ints[count * 6] = what;
    this.ints[count * 6 + 1] = pages;
    this.floats[count * 3 + 1] = page;
    this.floats[count * 3 + 2] = frame;
    this.count++;
    if (this.count === CALLS) this.flush();
  }

  /** Makes the calls that were put. */
  flush() {
    const { lane, lent, count, bytes, domain } = this;
    if (count === 0) return;
    const watch = startWatch();
    lent.give();
    for (let next = 0; next < count; ) {
      next += lane.code.play(bytes.byteOffset + next * CALL_BYTES, count - next, domain);
      if (next === count) break;
      lent.takeBack();
      if (lane.code.wantsGib()) this.tellGib();
      else this.doCall(next++);
      lent.give();
    }
    lent.takeBack();
    this.ns += watch();
    this.count = 0;
  }

  tellGib() {
    const { lane, shadow } = this;
    const [domain, gib] = [lane.int(OUT_HIGH), lane.int(OUT_LOW)];
    lane.code.setGib(domain, gib, shadow.tables.slotOfGib(domain, gib));
  }

  /** The long way of what is not ordinary. */
  doCall(i) {
    const { events, shadow, at, domain } = this;
    const [what, pages] = this.ints.subarray(i * 6);
    const [page, frame] = this.floats.subarray(i * 3 + 1);
    this.done++;
    at.timeNs = at.position = i;
    if (what === MAP) events.iommuMap(at, domain, page * PAGE, frame * PAGE, pages * PAGE, 3);
    if (what === UNMAP) events.iommuUnmapEnd(at, domain, page * PAGE, pages * PAGE, pages * PAGE);
    if (what !== ALLOC && what !== FREE) return;
    if (shadow.accounting.anyMapped(frame, pages)) warnings += shadow.accounting.mappedPages(frame, pages);
    if (what === ALLOC) events.pageAlloc(at, frame, orderOf(pages));
    else events.pageFree(at, frame, orderOf(pages));
  }
}

/** A recording that has nothing. */
async function emptySource(folder) {
  const path = join(folder, `empty-${process.pid}.dat`);
  const writer = await TraceWriter.create(path, { formats: [], kallsyms: '', traceClock: '[mono]' });
  writer.finish();
  const source = await TraceSource.open(path);
  rmSync(path);
  return source;
}

let maps = 0;
let unmaps = 0;
let warnings = 0;

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
  each(ALLOC, pfn, pages);
  player.put(MAP, page, pfn, pages);
  maps++;
}

function unmapPages(page, pages) {
  player.put(UNMAP, page, 0, pages);
  unmaps++;
}

function free(pfn, pages) {
  each(FREE, pfn, pages);
}

/** The allocator knows no blocks larger than order 10: larger pieces are some of these. */
function each(what, pfn, pages) {
  for (let done = 0; done < pages; done += LARGEST_BLOCK) {
    player.put(what, 0, pfn + done, Math.min(pages, LARGEST_BLOCK));
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
  player.flush();
  const before = player.ns;
  for (let i = 0; i < all; i += unmapped) unmapPages(BATCH_PAGE + i, unmapped);
  player.flush();
  const unmapNs = player.ns - before;
  for (let i = 0; i < pieces; i++) free(pieceOf(workload, i, round), pages);
  return { operations: pieces, unmapNs, unmapped: all / unmapped };
}

/**
 * Plays the rounds once before they count, and batches until as many mappings have ended as are remembered. The kernel has
 * the metadata of each page since it booted; the shadow has it from the first event of a page on, and asks for memory then.
 */
function rehearse(workload) {
  for (let round = 0; round < rounds; round++) workload.round(workload, round);
  while (workload.round === batchRound && shadow.former.noted < REMEMBERED) batchRound(workload, 0);
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
  player.flush();
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

const player = new Player(scratch, await emptySource(scratch));
const { shadow, domain } = player;
for (let i = 0; i < (workload.pool ?? 0); i++) pool[i] = randomBlock(1);
const seeded = state;
rehearse(workload);
state = seeded;
const whole = [];
const alone = [];
for (let round = 0; round < rounds; round++) {
  const before = player.ns;
  const { operations, unmapNs, unmapped } = workload.round(workload, round);
  player.flush();
  whole.push((player.ns - before) / operations);
  alone.push(unmapNs / unmapped);
}
const median = values => values.toSorted((a, b) => a - b)[values.length >> 1];
console.log(
  `${median(whole).toFixed(1)} ${median(alone).toFixed(1)} ${maps} maps, ${unmaps} unmaps, ${warnings} warnings, ${shadow.accounting.mappedPages(0, MEMORY_PAGES)} pages mapped, leading to ${translations(workload)}`,
);

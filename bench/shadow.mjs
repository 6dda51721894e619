// node bench/shadow.mjs WORKLOAD ROUNDS: the shadow alone, doing what kernel-loop.c does: the same calls with the same
// numbers, see workloads.h. Prints the same: medians of the rounds, of ns for each operation and for each unmap, and what
// came out. The shadow also keeps who mapped, unmapped, allocated and freed each page, and when.
import { Shadow } from '../dist/shadow/index.js';

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
const DOMAIN = 1;
const DEVICE = 1;

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

const [name, roundsText] = process.argv.slice(2);
const rounds = Number(roundsText);
const workload = WORKLOADS[name];
if (!workload || !(rounds >= 1)) {
  console.error('usage: shadow.mjs WORKLOAD ROUNDS');
  process.exit(2);
}

const silent = () => undefined;
const shadow = new Shadow({
  pageSize: PAGE,
  accounting: 'exact',
  changes: { mapOver: silent, watchedCut: silent, mappingCut: silent, countFault: silent },
});
// As in a check with the rules that are on by default.
shadow.tellsEveryCut = false;
const at = { timeNs: 1, cpu: 0, pid: 1, context: 1, stack: 1, position: 0 };
shadow.domainAttach(at, DOMAIN, DEVICE);

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

/** What a check asks of pages that change hands. */
function check(pfn, pages) {
  if (shadow.accounting.anyMapped(pfn, pages)) warnings += shadow.accounting.mappedPages(pfn, pages);
}

function orderOf(pages) {
  return 31 - Math.clz32(pages);
}

function mapPages(page, pfn, pages) {
  at.timeNs++;
  at.position += 64;
  check(pfn, pages);
  shadow.pageAlloc(at, pfn, orderOf(pages));
  shadow.iommuMap(at, DOMAIN, page * PAGE, pfn * PAGE, pages * PAGE, 3);
  maps++;
}

function unmapPages(page, pages) {
  at.timeNs++;
  at.position += 64;
  shadow.iommuUnmapBegin(at, DOMAIN, page * PAGE, pages * PAGE);
  shadow.iommuUnmapEnd(at, DOMAIN, page * PAGE, pages * PAGE, pages * PAGE);
  unmaps++;
}

function free(pfn, pages) {
  check(pfn, pages);
  shadow.pageFree(at, pfn, orderOf(pages));
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
  const watch = startWatch();
  for (let i = 0; i < all; i += unmapped) unmapPages(BATCH_PAGE + i, unmapped);
  const unmapNs = watch();
  for (let i = 0; i < pieces; i++) free(pieceOf(workload, i, round), pages);
  return { operations: pieces, unmapNs, unmapped: all / unmapped };
}

/**
 * Plays the rounds once before they count. The kernel has the metadata of each page since it booted; the shadow has it
 * from the first event of a page on, and asks for memory then. What a long trace would have made V8 compile is compiled.
 */
function rehearse(workload) {
  for (let round = 0; round < rounds; round++) workload.round(workload, round);
  for (; workload.live && livePfn[slot] !== 0; slot = (slot + 1) % workload.live) {
    unmapPages(workload.top - (slot + 1) * workload.pages, workload.pages);
    free(livePfn[slot], workload.pages);
    livePfn[slot] = 0;
  }
  for (; !workload.live && lists[slot].pieces > 0; slot = (slot + 1) % LISTS) {
    const list = lists[slot];
    unmapPages(workload.top - (slot + 1) * LIST_SPAN, list.total);
    for (let piece = 0; piece < list.pieces; piece++) free(list.pfn[piece], list.pages[piece]);
    list.pieces = 0;
  }
  slot = recycled = maps = unmaps = warnings = 0;
}

/** Lets V8 compile what a long trace would have made it compile: maps and unmaps of a batch, which are few, for a while. */
function warmUp(workload) {
  const { pages, unmapPages: unmapped, gibs } = workload;
  const end = performance.now() + 500;
  while (performance.now() < end) {
    const all = gibs * GIB_PAGES;
    for (let i = 0; i < all / pages; i++) {
      const pfn = pieceOf(workload, i, 0);
      shadow.iommuMap(at, DOMAIN, (BATCH_PAGE + i * pages) * PAGE, pfn * PAGE, pages * PAGE, 3);
    }
    for (let i = 0; i < all; i += unmapped) {
      shadow.iommuUnmapEnd(at, DOMAIN, (BATCH_PAGE + i) * PAGE, unmapped * PAGE, unmapped * PAGE);
    }
  }
}

/** Where the live IOVAs of the end lead to, added up. */
function translations({ round, live, pages, top }) {
  let sum = 0;
  const add = page => {
    const frame = shadow.translate(DOMAIN, page);
    if (frame >= 0) sum = (sum + frame) >>> 0;
  };
  if (round === ringRound) for (let i = 0; i < live; i++) add(top - (i + 1) * pages);
  if (round === listRound) for (let i = 0; i < LISTS * LIST_SPAN; i++) add(top - i - 1);
  return sum;
}

for (let i = 0; i < (workload.pool ?? 0); i++) pool[i] = randomBlock(1);
if (workload.round === batchRound) {
  warmUp(workload);
} else {
  const seeded = state;
  rehearse(workload);
  state = seeded;
}
const whole = [];
const alone = [];
for (let round = 0; round < rounds; round++) {
  const watch = startWatch();
  const { operations, unmapNs, unmapped } = workload.round(workload, round);
  whole.push(watch() / operations);
  alone.push(unmapNs / unmapped);
}
const median = values => values.toSorted((a, b) => a - b)[values.length >> 1];
console.log(
  `${median(whole).toFixed(1)} ${median(alone).toFixed(1)} ${maps} maps, ${unmaps} unmaps, ${warnings} warnings, ${shadow.accounting.mappedPages(0, MEMORY_PAGES)} pages mapped, leading to ${translations(workload)}`,
);

// node bench/shadow.mjs WORKLOAD PAGES_PER_MAP SECONDS: the shadow alone, doing what kernel-loop.c does. Prints nanoseconds:
// of processor time for each map, unmap, allocation and free of a single page together, or for each unmap of a GiB.
import { Shadow } from '../dist/shadow/index.js';

const PAGE = 4096;
const GIB_PAGES = 512 * 512;
/** Pages that the allocator hands out again and again: 256 MiB. */
const POOL = 1 << 16;
const [workload, pagesText, secondsText] = process.argv.slice(2);
const pagesPerMap = Number(pagesText);
const limitMs = Number(secondsText) * 1000;

const silent = () => undefined;
const shadow = new Shadow({
  pageSize: PAGE,
  accounting: 'exact',
  changes: { mapOver: silent, watchedCut: silent, mappingCut: silent, countFault: silent },
});
shadow.tellsEveryCut = false;
const at = { timeNs: 0, cpu: 0, pid: 1, context: 1, stack: 0, position: 0 };
const spentMs = () => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;

let state = 20261127;
function nextRandom() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

const live = new Float64Array(4096);

/** Takes the place of 4096 mappings of a page, one after the other. */
function ringRound() {
  for (let i = 0; i < live.length; i++) {
    const iova = 0xfff0_0000 - i * PAGE;
    at.timeNs++;
    if (live[i] !== 0) {
      shadow.iommuUnmapBegin(at, 1, iova, PAGE);
      shadow.iommuUnmapEnd(at, 1, iova, PAGE, PAGE);
      shadow.pageFree(at, live[i], 0);
      shadow.accounting.anyMapped(live[i], 1);
    }
    live[i] = 1 + (nextRandom() & (POOL - 1));
    shadow.accounting.anyMapped(live[i], 1);
    shadow.pageAlloc(at, live[i], 0);
    shadow.iommuMap(at, 1, iova, live[i] * PAGE, PAGE, 3);
  }
}

function mapGib() {
  const first = 1 << 20;
  for (let page = first; page < first + GIB_PAGES; page += pagesPerMap) {
    shadow.iommuMap(at, 1, page * PAGE, page * PAGE, pagesPerMap * PAGE, 3);
  }
}

function unmapGib() {
  shadow.iommuUnmapBegin(at, 1, 2 ** 32, 2 ** 30);
  shadow.iommuUnmapEnd(at, 1, 2 ** 32, 2 ** 30, 2 ** 30);
}

/** Repeats for a while to warm up, then for the time given. */
function measure() {
  let operations = 0;
  let unmapNs = 0;
  let rounds = 0;
  let start = spentMs();
  for (let warm = false; ; ) {
    if (workload === 'gib') {
      mapGib();
      const before = process.hrtime.bigint();
      unmapGib();
      unmapNs += Number(process.hrtime.bigint() - before);
    } else {
      ringRound();
      operations += live.length;
    }
    rounds++;
    const spent = spentMs() - start;
    if (spent < limitMs) continue;
    if (warm) return workload === 'gib' ? unmapNs / rounds : (spent * 1e6) / operations;
    warm = true;
    operations = rounds = unmapNs = 0;
    start = spentMs();
  }
}

console.log(measure().toFixed(1));

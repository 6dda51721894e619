import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { Coverage } from './coverage.ts';
import { mutate, mutations } from './mutation.ts';
import { allSeeds, type Seed } from './seeds.ts';
import { formatTarget, type Outcome, type Target, traceTarget } from './targets.ts';
import { Watchdog } from './watchdog.ts';

const HELP = `Usage: npm run fuzz -- [options]

Gives mutated recordings to the readers, and keeps inputs that reach new code.

  --inputs N   mutated inputs in all (default 20000)
  --seed N     of the random numbers (default: the time)
  --plain      do not measure which code is reached: several times as fast
  --keep       write inputs that reach new code to test/fuzz/corpus

A failure is written to test/fuzz/failures, and the command ends with status 1:
an exception that is no TraceError, an input of more than 10 s, more than 512 MB.`;

/** Longest time for an input, and most memory for all of them. */
const LONGEST_MS = 10_000;
const MOST_BYTES = 512 << 20;

/** Inputs between two looks at the coverage. */
const BATCH = 100;

/** Inputs in ten that are formats alone; the others are whole recordings, formats included. */
const FORMATS_OF_TEN = 5;

/** When this many batches reached nothing new, coverage is measured for one batch in {@link SELDOM} only. */
const PATIENCE = 5;
const SELDOM = 200;

/** Inputs between two lines of progress. */
const SAID_EVERY = 10_000;

/** Corpus files are small, so that they can be in the repository. */
const LARGEST_KEPT = 9 << 10;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    plain: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const wanted = Number(values.inputs);
const seed = Number(values.seed);

const here = join(process.cwd(), 'test/fuzz');
const corpusFolder = join(here, 'corpus');
/** In memory where there is such a file system: an input is written, read and forgotten. */
const work = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'iommusan-fuzz-'));
const current = join(work, 'input');

const targets: Readonly<Record<Seed['target'], Target>> = {
  trace: traceTarget(current),
  format: formatTarget,
};
const corpus: Record<Seed['target'], Seed[]> = { trace: [], format: [] };
for (const seedInput of await allSeeds(join(process.cwd(), 'test/fixtures'))) {
  corpus[seedInput.target].push(seedInput);
}
mkdirSync(corpusFolder, { recursive: true });
for (const name of readdirSync(corpusFolder).sort()) {
  const target = name.startsWith('format-') ? 'format' : 'trace';
  if (!name.endsWith('.bin')) continue;
  corpus[target].push({ name, target, bytes: readFileSync(join(corpusFolder, name)), borders: [] });
}

const outcomes: Record<Outcome, number> = { verdict: 0, 'partial verdict': 0, refused: 0 };
const watchdog = new Watchdog(
  LONGEST_MS,
  `An input took more than ${LONGEST_MS / 1000} s. It is ${current} (seed ${seed}).`,
);
let slowestMs = 0;
let kept = 0;

/** Runs one input; a fault ends the whole run. */
async function run(target: Target, bytes: Uint8Array, counts: boolean): Promise<void> {
  watchdog.begin();
  const started = performance.now();
  try {
    const outcome = await target.run(bytes);
    if (counts) outcomes[outcome]++;
  } catch (error) {
    fail(target, bytes, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  watchdog.end();
  slowestMs = Math.max(slowestMs, performance.now() - started);
}

function fail(target: Target, bytes: Uint8Array, what: string): never {
  const folder = join(here, 'failures');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${target.name}-${seed}-${total()}.bin`);
  writeFileSync(path, bytes);
  console.error(`${what}\nThe input is ${path} (seed ${seed}).`);
  process.exit(1);
}

function total(): number {
  return outcomes.verdict + outcomes['partial verdict'] + outcomes.refused;
}

const coverage = new Coverage(basename(process.argv[1] ?? ''));
await coverage.start();
for (const { target, bytes } of [...corpus.trace, ...corpus.format]) await run(targets[target], bytes, false);
await coverage.news();

const started = performance.now();
let measuring = true;
let batchesWithoutNews = 0;
for (let batch = 0; total() < wanted; batch++) {
  const wantsCoverage = !values.plain && (batchesWithoutNews < PATIENCE || batch % SELDOM === 0);
  if (wantsCoverage !== measuring) {
    await (wantsCoverage ? coverage.start() : coverage.stop());
    measuring = wantsCoverage;
  }
  const inputs = fc
    .sample(fc.tuple(fc.nat(), mutations), { seed: seed + batch, numRuns: Math.min(BATCH, wanted - total()) })
    .map(([pick, mutation]) => {
      const list = corpus[pick % 10 < FORMATS_OF_TEN ? 'format' : 'trace'];
      const from = list[Math.floor(pick / 10) % list.length] as Seed;
      return { ...from, bytes: mutate(from.bytes, from.borders, mutation) };
    });
  for (const { target, bytes } of inputs) await run(targets[target], bytes, true);
  if (Math.floor(total() / SAID_EVERY) > Math.floor((total() - inputs.length) / SAID_EVERY)) {
    console.error(`${total()} inputs ...`);
  }
  const { maxRSS } = process.resourceUsage();
  if (maxRSS * 1024 > MOST_BYTES) {
    for (const [i, { bytes }] of inputs.entries()) writeFileSync(join(work, `${i}.bin`), bytes);
    console.error(`More than ${MOST_BYTES >> 20} MB were needed in batch ${batch} (seed ${seed}): ${work}`);
    process.exit(1);
  }
  if (!measuring) continue;
  batchesWithoutNews++;
  const fresh = new Set(await coverage.news());
  if (fresh.size === 0) continue;
  batchesWithoutNews = 0;
  await keepThoseThatReach(fresh, inputs);
}

/** Runs the inputs of a batch once more, each by itself: those that reach one of the new places become seeds. */
async function keepThoseThatReach(fresh: Set<number>, inputs: readonly Seed[]): Promise<void> {
  for (const input of inputs) {
    if (fresh.size === 0) return;
    await run(targets[input.target], input.bytes, false);
    const reached = await coverage.executed(fresh);
    if (reached.length === 0) continue;
    for (const place of reached) fresh.delete(place);
    corpus[input.target].push(input);
    kept++;
    if (!values.keep || input.bytes.length > LARGEST_KEPT) continue;
    const hash = createHash('sha256').update(input.bytes).digest('hex').slice(0, 12);
    writeFileSync(join(corpusFolder, `${input.target}-${hash}.bin`), input.bytes);
  }
}

await watchdog.stop();
rmSync(work, { recursive: true });
const seconds = (performance.now() - started) / 1000;
console.log(
  `${total()} mutated inputs (seed ${seed}): ${outcomes.verdict} verdicts, ${outcomes['partial verdict']} partial verdicts, ${outcomes.refused} clear errors. ` +
    `No crash, no hang. Slowest ${Math.round(slowestMs)} ms, most memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MB, ` +
    `${Math.round(total() / seconds)} inputs per second, ${coverage.bytes} bytes of code reached, ${kept} inputs kept.`,
);

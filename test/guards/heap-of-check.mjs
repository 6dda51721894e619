// node --expose-gc --max-semi-space-size=128 heap-of-check.mjs: bytes of V8's heap that a check of a long recording asks
// for beyond those of a short one, for each event more, again and again. Nothing is collected meanwhile: it is all of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from '../../bench/generate.mjs';
import { checkTrace } from '../../dist/index.js';

const SHORT = 200_000;
const LONG = 600_000;

const folder = mkdtempSync(join(tmpdir(), 'iommusan-heap-'));

async function recording(events) {
  const path = join(folder, `${events}.dat`);
  return { path, count: await generate(path, events) };
}

async function bytesOf({ path }) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  await checkTrace(path);
  return process.memoryUsage().heapUsed - before;
}

try {
  const [short, long] = [await recording(SHORT), await recording(LONG)];
  await checkTrace(long.path);
  for (let i = 0; i < 7; i++) {
    const less = await bytesOf(short);
    process.stdout.write(`${((await bytesOf(long)) - less) / (long.count - short.count)}\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

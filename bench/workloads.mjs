// node bench/workloads.mjs [WORKLOAD...]: the table of the shadow against kernel-loop.c alone, or some of its rows.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { compile } from '../scripts/build-lane.mjs';
import { median } from './measure.mjs';

const bench = fileURLToPath(new URL('.', import.meta.url));

const BUFFER = 'a buffer of 4 KiB';
const UNMAP = 'unmap of 1 GiB';

/** Each row: name, rounds for half a second, what an operation is, and what an unmap is where it is told apart. */
const ROWS = [
  ['nic256', 40, BUFFER],
  ['nic1024', 40, BUFFER],
  ['nic4096', 40, BUFFER],
  ['nic4096hi', 40, BUFFER],
  ['nic4096re', 40, BUFFER],
  ['nic64K', 10, 'a buffer of 64 KiB'],
  ['sg', 10, 'a list'],
  ['vfio1G', 5, '', UNMAP],
  ['vfio1Gto2M', 15, '', 'unmap of 2 MiB'],
  ['vfio1Gto64K', 15, '', 'unmap of 64 KiB'],
  ['vfio2M', 15, '', UNMAP],
  ['vfio2M-in-order', 15, '', UNMAP],
  ['vfio4K', 5, '', 'unmap of 2 MiB'],
  ['vfio4Kto1G', 5, '', UNMAP],
  ['vfio4Kto1G-in-order', 15, '', UNMAP],
];

/** Runs both programs in turn, three times; throws where what came out of them differs. */
export async function* compareShadow(folder, seconds, wanted = []) {
  const loop = join(folder, 'kernel-loop');
  const compiled = spawnSync('cc', ['-O2', '-o', loop, join(bench, 'kernel-loop.c')], { encoding: 'utf8' });
  if (compiled.status !== 0) throw new Error(compiled.stderr);
  const check = join(folder, 'shadow.mjs');
  writeFileSync(join(folder, 'calls.wasm'), await compile('bench/calls.ts'));
  await build({
    entryPoints: [join(bench, 'shadow.mjs')],
    outfile: check,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
  for (const [name, half, whole, unmap] of ROWS) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const words = [name, String(Math.max(3, Math.round(half * 2 * seconds)))];
    const runs = [0, 1, 2].map(() => {
      const kernel = run(loop, words);
      const shadow = run(process.execPath, [check, ...words, folder]);
      if (kernel.result !== shadow.result) {
        throw new Error(`${name}: the loop has ${kernel.result}, the shadow ${shadow.result}`);
      }
      return { kernel, shadow };
    });
    const of = (program, what) => median(runs.map(each => each[program][what]));
    yield {
      name,
      whole,
      unmap,
      kernel: { whole: of('kernel', 'whole'), unmap: of('kernel', 'unmap') },
      shadow: { whole: of('shadow', 'whole'), unmap: of('shadow', 'unmap') },
      result: runs[0].kernel.result,
    };
  }
}

function run(program, words) {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr}`);
  const [, whole, unmap, result] = /^(\S+) (\S+) (.*)/.exec(stdout);
  return { whole: Number(whole), unmap: Number(unmap), result };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = mkdtempSync(join(tmpdir(), 'iommusan-bench-'));
  for await (const { name, whole, unmap, kernel, shadow, result } of compareShadow(
    folder,
    0.5,
    process.argv.slice(2),
  )) {
    for (const [what, key] of [
      [whole, 'whole'],
      [unmap, 'unmap'],
    ]) {
      if (!what) continue;
      const ratio = kernel[key] / shadow[key];
      console.log(
        `${name.padEnd(20)} ${what.padEnd(18)} ${kernel[key].toFixed(0).padStart(9)} ns ${shadow[key].toFixed(0).padStart(9)} ns ${ratio.toFixed(ratio < 100 ? 2 : 0).padStart(6)}  ${result}`,
      );
    }
  }
  rmSync(folder, { recursive: true });
}

// npm run bench: iommusan against what one would use instead, in one run. See bench/README.md.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { generate } from './generate.mjs';
import { inTurn, median } from './measure.mjs';
import { profiledParts } from './parts.mjs';
import { textTable } from './text.mjs';
import { compareShadow } from './workloads.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const command = `${root}dist/bin/iommusan.cjs`;
const folder = join(root, 'bench', 'generated');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '11' },
    seconds: { type: 'string', default: '0.5' },
  },
});
const rounds = Number(options.rounds);
const lines = [];
let firstFindingText = '';

for (const [program, how] of [
  ['trace-cmd', 'apt-get install trace-cmd'],
  ['cc', 'apt-get install gcc'],
]) {
  if (!spawnSync(program, ['--version']).error) continue;
  console.error(`bench: ${program} is not installed; install it with: ${how}`);
  process.exit(2);
}
// It makes each start of Node slower, and has nothing to do with reading a trace.
delete process.env.NODE_EXTRA_CA_CERTS;

say('# Results');
say();
say(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpus()[0].model}, \`npm run bench -- --write${options.long ? ' --long' : ''}\`. Medians; "times" is by wall time, and in brackets by processor time, which a busy machine disturbs less.`,
);

const real =
  positionals.length > 0 ? positionals : [`${root}../shared/traces/stock-kernel/nvme-and-ping.dat`];
const recordings = real.filter(existsSync).map(path => [path.replace(root, ''), path, rounds]);
mkdirSync(folder, { recursive: true });
const lengths = options.long ? [1, 10, 100] : [1, 10];
say();
say('## Whole processes');
say();
say('| trace | events | iommusan check | peak | trace-cmd report | times | trace-cmd report -R | times |');
say('| --- | --: | --: | --: | --: | --: | --: | --: |');
for (const [name, path, times] of recordings) compare(name, path, times);
for (const millions of lengths) {
  const path = join(folder, `${millions}m.dat`);
  await generate(path, millions * 1e6);
  compare(`generated, ${millions} million`, path, Math.max(1, Math.round(rounds / (1 + millions))));
  if (millions === lengths.at(-1)) firstFinding(path, millions);
  if (millions > 10) rmSync(path);
}

if (firstFindingText) {
  say();
  say(firstFindingText);
}
compressed(join(folder, '10m.dat'), join(folder, '10m-zstd.dat'));
await shadowAgainstKernel();
textAgainstAwk();
await parts(join(folder, '10m.dat'));
rmSync(folder, { recursive: true });
if (options.write) writeFileSync(`${root}bench/RESULTS.md`, `${lines.join('\n')}\n`);

function compare(name, path, times) {
  const check = [process.execPath, command, 'check', path];
  const [own, report, raw] = inTurn(
    [check, ['trace-cmd', 'report', path], ['trace-cmd', 'report', '-R', path]],
    times,
  );
  const cells = [
    name,
    eventsOf(path).toLocaleString('en'),
    ms(own.wallMs),
    `${(own.peakKiB / 1024).toFixed(0)} MB`,
    ...[report, raw].flatMap(other => [ms(other.wallMs), ratio(own, other)]),
  ];
  say(`| ${cells.join(' | ')} |`);
}

/** From the start of a process to the first finding, on a trace whose first events show it. */
function firstFinding(path, millions) {
  const runs = Array.from({ length: 5 }, () => {
    const start = process.hrtime.bigint();
    const { stdout } = spawnSync(process.execPath, [`${root}bench/first-finding.mjs`, path], {
      encoding: 'utf8',
    });
    if (!stdout.startsWith('free-while-mapped')) throw new Error(`no finding: ${stdout}`);
    return Number(process.hrtime.bigint() - start) / 1e6;
  });
  const text = `First finding of the trace of ${millions} million events, whose first events show it: ${ms(median(runs))} from the start of the process to its end (\`onFinding\` of the library).`;
  firstFindingText = text;
}

/** What a second thread is good for, where the data is compressed as trace-cmd does. */
function compressed(plain, path) {
  const packing = ['convert', '-i', plain, '-o', path, '--compression', 'zstd'];
  const { status, stderr } = spawnSync('trace-cmd', packing, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`trace-cmd ${packing.join(' ')}: ${stderr}`);
  const [own, alone, report] = inTurn(
    [
      [process.execPath, command, 'check', path],
      [process.execPath, `${root}bench/one-thread.mjs`, path],
      ['trace-cmd', 'report', path],
    ],
    Math.max(3, Math.round(rounds / 2)),
  );
  say();
  say('## Compressed, with and without a second thread');
  say();
  say('The trace of 10 million events, compressed by `trace-cmd convert --compression zstd`.');
  say();
  say('| | wall time | processor time | peak |');
  say('| --- | --: | --: | --: |');
  const row = (name, { wallMs, cpuMs, peakKiB }) =>
    say(`| ${name} | ${ms(wallMs)} | ${ms(cpuMs)} | ${(peakKiB / 1024).toFixed(0)} MB |`);
  row('iommusan check: a thread unpacks ahead', own);
  row('the same without that thread', alone);
  row('trace-cmd report', report);
  const less = Math.round(100 * (1 - own.wallMs / alone.wallMs));
  say();
  say(`With the second thread the wall time is ${less} % less.`);
  rmSync(path);
}

async function shadowAgainstKernel() {
  say();
  say('## The shadow against the loop of the kernel');
  say();
  say(
    'Processor time of [`kernel-loop.c`](kernel-loop.c), which does what Linux with IOMMU_DEBUG_PAGEALLOC does for each page, and of the shadow as a check has it, which also keeps who did it and when; "times" is how often the shadow is done while the loop is done once. A buffer or list: its check at allocation, map, unmap and check at free, together.',
  );
  say();
  say('| workload | what | loop | shadow | times |');
  say('| --- | --- | --: | --: | --: |');
  for await (const { name, whole, unmap, kernel, shadow } of compareShadow(folder, Number(options.seconds))) {
    if (whole)
      say(
        `| ${name} | ${whole} | ${ns(kernel.whole)} | ${ns(shadow.whole)} | ${times(kernel.whole / shadow.whole)} |`,
      );
    if (unmap)
      say(
        `| ${name} | ${unmap} | ${ns(kernel.unmap)} | ${ns(shadow.unmap)} | ${times(kernel.unmap / shadow.unmap)} |`,
      );
  }
}

function textAgainstAwk() {
  say();
  say('## Text');
  say();
  for (const line of textTable(
    [1, 10].map(millions => [`generated, ${millions} million`, join(folder, `${millions}m.dat`)]),
  )) {
    say(line);
  }
}

async function parts(trace) {
  say();
  say('## What the parts cost');
  say();
  say(
    'Self time in a profile of a check of the trace of 10 million events, by the room that the code is in.',
  );
  say();
  say('| part | share | per event |');
  say('| --- | --: | --: |');
  const events = eventsOf(trace);
  for (const { part, share, us } of await profiledParts(trace, folder)) {
    say(`| ${part} | ${(share * 100).toFixed(0)} % | ${((us * 1000) / events).toFixed(0)} ns |`);
  }
}

function eventsOf(trace) {
  const { stdout } = spawnSync(process.execPath, [command, 'stats', '--format', 'json', trace]);
  return JSON.parse(String(stdout)).trace.events;
}

function ratio(own, other) {
  return `${times(other.wallMs / own.wallMs)} (${times(other.cpuMs / own.cpuMs)})`;
}

function times(value) {
  return value >= 100 ? `${Math.round(value).toLocaleString('en')}` : value.toFixed(value >= 10 ? 1 : 2);
}

function ms(value) {
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(0)} ms`;
}

function ns(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} ms`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(1)} µs` : `${value.toFixed(0)} ns`;
}

function say(line = '') {
  lines.push(line);
  console.log(line);
}

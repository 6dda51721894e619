// npm run bench [-- TRACE...]: iommusan against what one would use instead, as whole processes, in one run.
//
// Each pair of commands runs in turn, so that a machine whose speed drifts slows both; the figures are medians. The
// ratio is the one to quote: absolute times belong to the machine.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROUNDS = 11;
const WARM_UP = 1;

const root = fileURLToPath(new URL('..', import.meta.url));
const command = `${root}dist/bin/iommusan.cjs`;
const defaults = [
  `${root}../shared/traces/stock-kernel/nvme-and-ping.dat`,
  `${root}test/fixtures/traces/sanitizer-kernel/fuzz-1.dat`,
];
const traces = process.argv.slice(2).length > 0 ? process.argv.slice(2) : defaults.filter(existsSync);

if (spawnSync('trace-cmd', ['--help']).error) {
  console.error('bench: trace-cmd is not installed; install it with: apt-get install trace-cmd');
  process.exit(2);
}

console.log(`Node ${process.version}, ${ROUNDS} rounds after ${WARM_UP} warm-up, medians\n`);
for (const trace of traces) {
  const events = eventsOf(trace);
  console.log(`${trace.replace(root, '')}: ${events.toLocaleString('en')} events`);
  const [check, report, raw] = inTurn([
    [process.execPath, command, 'check', '--no-progress', trace],
    ['trace-cmd', 'report', trace],
    ['trace-cmd', 'report', '-R', trace],
  ]);
  print('iommusan check', check, events);
  print('trace-cmd report', report, events, check);
  print('trace-cmd report -R', raw, events, check);
  console.log();
}

/** Runs the commands in turn and returns the median wall time and the peak memory of each. */
function inTurn(commands) {
  const samples = commands.map(() => []);
  for (let round = 0; round < ROUNDS + WARM_UP; round++) {
    commands.forEach((words, i) => {
      const sample = timed(words);
      if (round >= WARM_UP) samples[i].push(sample);
    });
  }
  return samples.map(list => ({
    ms: median(list.map(({ ms }) => ms)),
    peakKiB: Math.max(...list.map(({ peakKiB }) => peakKiB)),
  }));
}

/** Wall time and peak memory of a command whose output is thrown away. GNU time reports the memory, where it is there. */
function timed(words) {
  const time = '/usr/bin/time';
  const [program, ...args] = existsSync(time) ? [time, '-f', '%M', ...words] : words;
  const start = process.hrtime.bigint();
  const { status, stderr, error } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (error ?? (status === null || status > 1)) throw error ?? new Error(`${words.join(' ')}: ${stderr}`);
  return { ms, peakKiB: Number(/(\d+)\s*$/.exec(String(stderr))?.[1] ?? Number.NaN) };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function eventsOf(trace) {
  const { stdout } = spawnSync(process.execPath, [command, 'stats', '--format', 'json', trace]);
  return JSON.parse(String(stdout)).trace.events;
}

function print(name, { ms, peakKiB }, events, other) {
  const columns = [
    name.padEnd(22),
    `${ms.toFixed(0)} ms`.padStart(9),
    `${(events / ms / 1000).toFixed(2)} M events/s`.padStart(17),
    Number.isNaN(peakKiB) ? '' : `${(peakKiB / 1024).toFixed(0)} MB peak`.padStart(12),
    other ? `iommusan is ${(ms / other.ms).toFixed(2)} times as fast` : '',
  ];
  console.log(`  ${columns.join(' ')}`.trimEnd());
}

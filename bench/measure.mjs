// Runs commands as whole processes, in turn, so that a machine whose speed drifts slows all of them.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TIME = '/usr/bin/time';

/**
 * Wall time, processor time and peak memory of each command.
 *
 * @param commands lists of words
 * @param rounds how often each is run; the median counts
 */
export function inTurn(commands, rounds) {
  const samples = commands.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, words] of commands.entries()) samples[i].push(timed(words));
  }
  return samples.map(list => ({
    wallMs: median(list.map(({ wallMs }) => wallMs)),
    cpuMs: median(list.map(({ cpuMs }) => cpuMs)),
    peakKiB: Math.max(...list.map(({ peakKiB }) => peakKiB)),
  }));
}

/** One run whose output is thrown away. GNU time tells processor time and memory, where it is installed. */
function timed(words) {
  const folder = mkdtempSync(join(tmpdir(), 'iommusan-bench-'));
  const report = join(folder, 'time');
  const hasTime = existsSync(TIME);
  const [program, ...args] = hasTime ? [TIME, '-o', report, '-f', '%U %S %M', ...words] : words;
  const start = process.hrtime.bigint();
  const { status, stderr, error } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const wallMs = Number(process.hrtime.bigint() - start) / 1e6;
  if (error ?? (status === null || status > 1)) throw error ?? new Error(`${words.join(' ')}: ${stderr}`);
  const lines = hasTime ? readFileSync(report, 'utf8').trim().split('\n') : [''];
  rmSync(folder, { recursive: true });
  const [user = Number.NaN, system = Number.NaN, peakKiB = Number.NaN] = lines.at(-1).split(' ').map(Number);
  return { wallMs, cpuMs: (user + system) * 1000, peakKiB };
}

/** The number that a command prints. */
export function printed(words) {
  const { stdout, status, stderr } = spawnSync(words[0], words.slice(1), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  return Number.parseFloat(stdout);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

import { spawnSync } from 'node:child_process';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../src/check-trace.ts';
import { Machine } from '../../src/machine/machine.ts';
import { Player } from '../../src/machine/random/player.ts';
import { randomProgram } from '../../src/machine/random/program.ts';
import { judgeOf, toAll } from '../../src/simulate.ts';
import { KernelRecorder } from '../../src/trace/write/kernel-recorder.ts';
import { temporaryFiles } from '../helpers/play.ts';

const OPERATIONS = 1_000_000;
const files = temporaryFiles();
const hasTraceCmd = spawnSync('trace-cmd', ['--version']).status === 0;

function newRun() {
  const machine = new Machine({ iommu: 'vtd', seed: 7, logLimit: 0, memoryBytes: 256 << 20 });
  return { machine, player: new Player(machine, 2, false) };
}

describe('a run of a million operations', () => {
  const program = randomProgram(7, { operations: OPERATIONS, cpus: 2, mistakes: 0.01 });

  it('takes less than 10 s', async () => {
    const outfile = files.path('million.mjs');
    const entryPoints = ['test/machine-runs/million-operations.ts'];
    await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
    const { stdout } = spawnSync(process.execPath, [outfile], { encoding: 'utf8' });
    const { seconds, events } = JSON.parse(stdout) as { seconds: number; events: number };
    process.stdout.write(`1e6 operations: ${seconds.toFixed(1)} s of a processor, ${events} events\n`);
    expect(events).toBeGreaterThan(1e6);
    expect(seconds).toBeLessThan(10);
  });

  it('gives the same findings from its trace.dat, of which trace-cmd reads every event', async () => {
    const path = files.path('run.dat');
    const { machine, player } = newRun();
    const judge = judgeOf(machine, 'exact');
    const recorder = await KernelRecorder.create(path, machine.names, { pageSize: 4096 });
    let pageFrees = 0;
    const counted = { ...recorder.events };
    const { pageFree } = counted;
    counted.pageFree = (at, pfn, order) => {
      pageFrees++;
      pageFree(at, pfn, order);
    };
    machine.tellTo(toAll([judge.events, counted]));
    player.play(program);
    recorder.finish(machine.capabilities);
    const live = judge.finish(machine.clock.nowNs);
    const { findings } = await checkTrace(path);
    const summary = (list: typeof findings) =>
      list.map(({ rule, count, pages, signature }) => ({ rule, count, pages, signature }));
    expect(summary(findings)).toEqual(summary(live));
    expect(live.length).toBeGreaterThan(3);
    if (!hasTraceCmd) return;
    const report = spawnSync(
      'sh',
      ['-c', `trace-cmd report '${path}' 2>/dev/null | grep -c 'mm_page_free:'`],
      { encoding: 'utf8' },
    );
    expect(Number(report.stdout)).toBe(pageFrees);
  });
});

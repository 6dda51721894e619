import { expect, it } from 'vitest';
import { DEBIAN_12 } from './lab/setups.ts';
import { play, prepare } from './lab/stage.ts';

const isWanted = process.env['IOMMUSAN_VM_COST'] === '1';

/** Rounds of the load in one run. */
const SECONDS = 5;

// Takes minutes and measures, so it is no part of CI: `npm run test:vm -- --cost` prints the table of docs/recording.md.
it.skipIf(!isWanted)(
  'measures what recording costs',
  async () => {
    prepare();
    const stage = await play(DEBIAN_12, 'cost', 900_000);
    const best = new Map<string, { rounds: number; bytes: number }>();
    for (const line of stage.text('cost').trim().split('\n')) {
      const [name = '', rounds = '', bytes = ''] = line.split(' ');
      if ((best.get(name)?.rounds ?? 0) < Number(rounds))
        best.set(name, { rounds: Number(rounds), bytes: Number(bytes) });
    }
    const nothing = best.get('nothing')?.rounds ?? 0;
    expect(nothing).toBeGreaterThan(0);
    const rows = Array.from(best, ([name, { rounds, bytes }]) => {
      const microseconds = (SECONDS * 1e6) / rounds;
      const added = microseconds - (SECONDS * 1e6) / nothing;
      return `| ${name} | ${Math.round(rounds / SECONDS)} | ${microseconds.toFixed(1)} | ${added.toFixed(1)} | ${Math.round(bytes / rounds)} |`;
    });
    process.stdout.write(
      `| recorded by | rounds/s | µs per round | µs more | bytes per round |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`,
    );
  },
  1_000_000,
);

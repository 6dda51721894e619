import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TraceSource } from '../../src/trace/trace-source.ts';
import { hasTraceCmd } from '../helpers/trace-cmd.ts';
import { FIXTURES, RECORDINGS, tracesBelow } from '../helpers/traces.ts';

const installed = hasTraceCmd();

/** Recordings whose events have kernel stacks; of the whole ones the most varied. */
const PATHS = [
  ...tracesBelow(FIXTURES)
    .filter(name => name.startsWith('sanitizer-kernel/') || name.startsWith('forms/'))
    .map(name => join(FIXTURES, name)),
  ...tracesBelow(RECORDINGS)
    .filter(name => name === 'sanitizer-kernel/fuzz-1.dat' || name === 'stock-kernel/kmalloc.dat')
    .map(name => join(RECORDINGS, name)),
];

/** `=> iommu_map (ffffffff817133ff)`, or the address alone where it has no symbol. */
const FRAME = /^=> (?:(\S+) \()?([0-9a-f]{16})\)?$/gm;

// Needs Debian's trace-cmd, which CI installs; without it the title of the suite says that it was skipped.
describe.skipIf(!installed)(
  `the functions in all kernel stacks are those that trace-cmd names${installed ? '' : ' (skipped: trace-cmd is not installed)'}`,
  () => {
    it.each(PATHS)('%s', async path => {
      const { stdout } = spawnSync('trace-cmd', ['report', '-i', path], {
        maxBuffer: 1 << 30,
        encoding: 'latin1',
      });
      const reported = new Map([...stdout.matchAll(FRAME)].map(([, name, address = '']) => [address, name]));
      expect(reported.size).toBeGreaterThan(100);

      const source = await TraceSource.open(path);
      const otherNames = aliases(Buffer.from(source.trace.kallsyms.all()).toString('latin1'));
      const different: string[] = [];
      for (const [address, name] of reported) {
        const high = Number.parseInt(address.slice(0, 8), 16);
        const low = Number.parseInt(address.slice(8), 16);
        const ours = source.names.symbols.at(high, low)?.name;
        // Of several names of one place trace-cmd takes any, we the first.
        const isSame =
          ours === name || (ours !== undefined && otherNames.get(ours)?.includes(name ?? '') === true);
        // The code of a module that was loaded later, which trace-cmd takes for a part of what lies below it.
        const isFarBehindTrampoline = name === 'ftrace_trampoline' && ours === undefined;
        if (!isSame && !isFarBehindTrampoline)
          different.push(`${address}: we say ${ours}, trace-cmd says ${name}`);
      }
      source.close();
      expect(different).toEqual([]);
    });
  },
);

/** All names of the place that a name stands for. */
function aliases(kallsyms: string): Map<string, string[]> {
  const byAddress = new Map<string, string[]>();
  const byName = new Map<string, string[]>();
  for (const line of kallsyms.split('\n')) {
    const [address, , symbol] = line.split(' ');
    const name = symbol?.split('\t', 1)[0];
    if (address === undefined || name === undefined) continue;
    const names = byAddress.get(address) ?? [];
    names.push(name);
    byAddress.set(address, names);
    byName.set(name, names);
  }
  return byName;
}

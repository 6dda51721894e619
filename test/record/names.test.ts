import { describe, expect, it } from 'vitest';
import { KernelSymbols } from '../../src/record/kernel-symbols.ts';
import { missedCalls } from '../../src/record/markers.ts';
import { mountedTracefs } from '../../src/record/tracefs.ts';

const KERNEL = '0000000000000000 A fixed_percpu_data\nffffffff81000000 T _text\n';
const module = (name: string, at: string): string => `${at} t probe\t[${name}]\n`;

/** A kernel whose modules come and go. */
function kernel(): { loaded: [name: string, address: string][]; reads: number; symbols: KernelSymbols } {
  const state = { loaded: [['e1000e', 'ffffffffc0100000']] as [string, string][], reads: 0 };
  const symbols = new KernelSymbols({
    modules: () => state.loaded.map(([name, at]) => `${name} 4096 0 - Live 0x${at}\n`).join(''),
    kallsyms: () => {
      state.reads++;
      return Buffer.from(KERNEL + state.loaded.map(([name, at]) => module(name, at)).join(''));
    },
  });
  return Object.assign(state, { symbols });
}

describe('the names of functions', () => {
  it('stay known when their module is unloaded', () => {
    const machine = kernel();
    machine.loaded.push(['mydriver', 'ffffffffc0200000']);
    machine.symbols.refresh();
    machine.loaded.pop();
    expect(machine.symbols.all().toString()).toContain('ffffffffc0200000 t probe\t[mydriver]');
    expect(machine.symbols.all().toString()).toContain('[e1000e]');
  });

  it('are known at both places of a module that was loaded twice', () => {
    const machine = kernel();
    machine.loaded = [['e1000e', 'ffffffffc0300000']];
    const text = machine.symbols.all().toString();
    expect(text).toContain('ffffffffc0100000 t probe');
    expect(text).toContain('ffffffffc0300000 t probe');
  });

  it('are read again only when a module has come', () => {
    const machine = kernel();
    machine.symbols.refresh();
    machine.loaded = [];
    machine.symbols.refresh();
    expect(machine.reads).toBe(1);
  });

  it('are hidden where all addresses are zero', () => {
    expect(kernel().symbols.areHidden).toBe(false);
    const zeroes = KERNEL.replace('ffffffff81000000', '0000000000000000');
    expect(new KernelSymbols({ modules: () => '', kallsyms: () => Buffer.from(zeroes) }).areHidden).toBe(
      true,
    );
  });
});

describe('calls that probes have missed', () => {
  it('are those of our events', () => {
    const profile =
      '  map                    120               3\n  unmap      120    0\n  other    5    9\n';
    expect([...missedCalls(profile, new Set(['map', 'unmap']))]).toEqual([['map', 3]]);
  });
});

describe('tracefs', () => {
  it('is found where it is mounted, at its own place first', () => {
    const below = 'tracefs /sys/kernel/debug/tracing tracefs rw 0 0\n';
    expect(mountedTracefs(`${below}tracefs /sys/kernel/tracing tracefs rw 0 0\n`)).toBe(
      '/sys/kernel/tracing',
    );
    expect(mountedTracefs(below)).toBe('/sys/kernel/debug/tracing');
    expect(mountedTracefs('proc /proc proc rw 0 0\n')).toBeUndefined();
  });
});

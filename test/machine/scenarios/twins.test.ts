import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../../src/check-trace.ts';
import { DMA_BIDIRECTIONAL } from '../../../src/kernel/dma.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { judgeOf } from '../../../src/simulate.ts';
import { fixture } from '../../traces/shared.ts';

/** What the lab's driver did in a recording, done again on the machine. */
const TWINS: Readonly<Record<string, (machine: Machine) => void>> = {
  leak_unbind: machine => {
    const device = bound(machine);
    const page = machine.allocPages();
    machine.call(machine.dma.map(device, page * 4096, 4096, DMA_BIDIRECTIONAL));
    machine.call(machine.drivers.unbind(device));
  },
  coherent_leak: machine => {
    const device = bound(machine);
    machine.call(machine.dma.allocCoherent(device, 65536, machine.ownerId('driver')));
    machine.call(machine.drivers.unbind(device));
  },
  pp_ok: machine => {
    const device = bound(machine);
    const pool = machine.pagePool('rx', device);
    const pages = Array.from({ length: 8 }, () => machine.call(pool.alloc()));
    for (const pfn of pages) machine.call(pool.put(pfn));
    machine.call(pool.destroy());
    machine.call(machine.drivers.unbind(device));
  },
  pp_leak: machine => {
    const device = bound(machine);
    const pool = machine.pagePool('rx', device);
    const pages = Array.from({ length: 8 }, () => machine.call(pool.alloc()));
    for (const pfn of pages.slice(2)) machine.call(pool.put(pfn));
    machine.call(pool.destroy());
    machine.call(machine.drivers.unbind(device));
  },
};

function bound(machine: Machine) {
  const device = machine.device('0000:00:04.0');
  machine.drivers.add(device);
  machine.call(machine.drivers.bind(device, 'dmabugs'));
  return device;
}

describe('the twin of a recording', () => {
  it.each(Object.keys(TWINS))('%s gives the same findings', async name => {
    const machine = new Machine({ memoryBytes: 8 << 20 });
    const judge = judgeOf(machine, 'exact');
    machine.tellTo(judge.events);
    TWINS[name]?.(machine);
    const rules = judge.finish(machine.clock.nowNs).map(({ rule }) => rule);
    const { findings } = await checkTrace(fixture(`sanitizer-kernel/${name}.dat`));
    expect(findings.map(({ rule }) => rule)).toEqual(rules);
  });
});

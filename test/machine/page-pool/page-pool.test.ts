import { describe, expect, it } from 'vitest';
import { Machine } from '../../../src/machine/machine.ts';

const PAGE = 4096;

/** A page of `first` is freed behind it and taken by `second`; where it is at for each of them. */
function freedBehind({ takesBefore }: { readonly takesBefore: number }) {
  const machine = new Machine({ memoryBytes: 8 << 20, pagePool: 'merged' });
  const device = machine.device('0000:00:04.0');
  machine.drivers.add(device);
  machine.call(machine.drivers.bind(device, 'nic'));
  const first = machine.pagePool('first', device);
  const second = machine.pagePool('second', device);
  for (let at = 0; at < takesBefore; at++) machine.call(second.alloc());
  const page = machine.call(first.alloc());
  const atFirst = first.dmaAddress(page);
  machine.allocator.put(page);
  const again = machine.call(second.alloc());
  const atSecond = second.dmaAddress(again);
  const mapped = () =>
    [atFirst, atSecond].map(iova => device.domain?.pageTable?.iovaToPhys(iova) === page * PAGE);
  return { machine, first, second, page, again, atFirst, atSecond, mapped };
}

describe('page_pools, of which one takes a page that was freed behind the other', () => {
  it('share what stands in the page: a scrub by the same index unmaps the mapping of the other pool', () => {
    const { machine, first, second, page, again, atFirst, atSecond, mapped } = freedBehind({
      takesBefore: 0,
    });
    expect(again).toBe(page);
    expect(first.dmaAddress(page)).toBe(atSecond);
    machine.call(first.destroy());
    expect(mapped()).toEqual([true, false]);
    expect(first.mappedPages()).toEqual([[page, atFirst]]);
    expect(second.mappedPages()).toEqual([]);
    machine.call(second.destroy());
    expect(machine.dmaDebug.errors).toMatchObject([{ kind: 'free not allocated', address: atSecond }]);
  });

  it('leave a mapping behind whose index is in the page no more', () => {
    const { machine, first, page, again, atFirst, mapped } = freedBehind({ takesBefore: 1 });
    expect(again).toBe(page);
    machine.call(first.destroy());
    expect(mapped()).toEqual([true, true]);
    expect(first.mappedPages()).toEqual([[page, atFirst]]);
    expect(machine.dmaDebug.errors).toEqual([]);
  });
});

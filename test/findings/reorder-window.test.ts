import { describe, expect, it } from 'vitest';
import { defaultReorderWindowNs } from '../../src/reorder-window.ts';
import { KernelScript } from '../helpers/kernel-script.ts';

const WINDOW = 1_000_000;

/** A page is freed while it is mapped, and unmapped some time later. */
function freedBeforeUnmap(laterNs: number, cpus: { map: number; free: number; unmap: number }): KernelScript {
  return new KernelScript({ reorderWindowNs: WINDOW })
    .as('driver', cpus.map)
    .map('A', 0x1000, 0x5000, 0x1000)
    .wait(10 * WINDOW)
    .as('driver', cpus.free)
    .free(5)
    .wait(laterNs)
    .as('driver', cpus.unmap)
    .unmap('A', 0x1000, 0x1000);
}

describe('a clock that is not the same on all CPUs', () => {
  it('leaves it open whether a free came before the unmap that is near to it on another CPU', () => {
    expect(freedBeforeUnmap(WINDOW / 2, { map: 0, free: 0, unmap: 1 }).sole().certainty).toBe('possible');
  });

  it('orders what is further apart, and all events of one CPU', () => {
    expect(freedBeforeUnmap(2 * WINDOW, { map: 0, free: 0, unmap: 1 }).sole().certainty).toBe('certain');
    expect(freedBeforeUnmap(WINDOW / 2, { map: 1, free: 0, unmap: 0 }).sole().certainty).toBe('certain');
  });

  it('leaves it open whether a page was freed before it was mapped', () => {
    const k = new KernelScript({ reorderWindowNs: WINDOW })
      .as('driver', 0)
      .map('A', 0x1000, 0x5000, 0x1000)
      .as('driver', 1)
      .free(5);
    expect(k.sole().certainty).toBe('possible');
  });

  it('is taken into account where the trace has one, on more than one CPU', () => {
    const of = (clock: string, cpus: number[]): number => defaultReorderWindowNs([{ name: '', clock, cpus }]);
    expect(of('local', [0, 1])).toBe(10_000_000);
    expect(of('local', [0])).toBe(0);
    expect(of('mono', [0, 1])).toBe(0);
  });
});

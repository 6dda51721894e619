import { describe, expect, it } from 'vitest';
import { Machine } from '../../../src/machine/machine.ts';
import type { Kernel } from '../../../src/machine/threads/thread.ts';

function* counting(name: string, steps: number, into: string[]): Kernel {
  for (let step = 0; step < steps; step++) {
    into.push(`${name}${step}`);
    yield 'counted';
  }
}

function orderOf(seed: number): string {
  const machine = new Machine({ seed, memoryBytes: 1 << 20 });
  const order: string[] = [];
  for (const [cpu, name] of ['a', 'b', 'c'].entries()) {
    machine.spawn(name, counting(name, 5, order), { cpu });
  }
  machine.scheduler.run();
  return order.join(' ');
}

describe('the scheduler', () => {
  it('gives the same order for the same seed, and others for others', () => {
    expect(orderOf(7)).toBe(orderOf(7));
    expect(new Set([1, 2, 3, 4, 5].map(orderOf)).size).toBeGreaterThan(1);
    expect(orderOf(1).split(' ')).toHaveLength(15);
  });

  it('lets no task of the same CPU into an atomic section, but an interrupt', () => {
    const machine = new Machine({ memoryBytes: 1 << 20 });
    const { scheduler } = machine;
    const order: string[] = [];
    function* locked(): Kernel {
      scheduler.enterAtomic();
      yield* counting('locked', 4, order);
      scheduler.exitAtomic();
      yield 'unlocked';
    }
    const holder = machine.spawn('holder', locked(), { cpu: 0 });
    scheduler.step(holder);
    machine.spawn('other', counting('other', 1, order), { cpu: 0 });
    machine.spawn('irq', counting('irq', 1, order), { cpu: 0, level: 'hardirq' });
    scheduler.run();
    expect(order.indexOf('other0')).toBeGreaterThan(order.indexOf('locked3'));
    expect(order.indexOf('irq0')).toBeGreaterThan(-1);
  });

  it('waits for timers where nobody can run, and says what nothing will wake', () => {
    const machine = new Machine({ memoryBytes: 1 << 20 });
    let isDone = false;
    machine.timers.after(5e6, () => {
      isDone = true;
    });
    function* waiting(): Kernel<number> {
      yield { what: 'the timer', until: () => isDone };
      return machine.clock.nowNs;
    }
    const woken = machine.scheduler.finish(machine.spawn('sleeper', waiting()));
    expect(woken).toBeGreaterThanOrEqual(5e6);
    isDone = false;
    expect(() => machine.scheduler.finish(machine.spawn('stuck', waiting()))).toThrow(
      'nothing will wake what waits for the timer',
    );
  });

  it('accounts for the walks of an unmap of 1 GiB in an atomic section', () => {
    const unmapOf1GiB = (walkNs: number): Machine => {
      const machine = new Machine({ memoryBytes: 16 << 20, costs: { walk: walkNs } });
      const domain = machine.domainAlloc('A');
      const block = machine.allocPages(9);
      // Phys and IOVA never lie alike within 2 MiB, so that all leaves are 4 KiB.
      const part = 511 * 4096;
      const size = 2 ** 30;
      for (let iova = 0; iova < size; iova += part) {
        const bytes = Math.min(part, size - iova);
        const phys = (block + 1) * 4096;
        expect(machine.call(machine.iommuMap(domain, 2 ** 31 + iova, phys, bytes))).toBe(0);
      }
      function* unmapping(): Kernel<number> {
        machine.scheduler.enterAtomic();
        const unmapped = yield* machine.iommuUnmap(domain, 2 ** 31, size);
        machine.scheduler.exitAtomic();
        return unmapped;
      }
      expect(machine.scheduler.finish(machine.spawn('unmapper', unmapping()))).toBe(size);
      return machine;
    };
    const { holds, log } = unmapOf1GiB(100);
    expect(holds.longest).toMatchObject({ thread: 'unmapper', atomic: true });
    expect(holds.longest?.ns).toBeGreaterThan(262_144 * 100);
    expect(holds.longest?.ns).toBeLessThan(27e6);
    expect(log.lines.filter(({ site }) => site === 'watchdog_timer_fn')).toEqual([]);
    // On a machine a thousand times slower it is a soft lockup.
    const slow = unmapOf1GiB(100_000);
    expect(slow.log.lines.filter(({ site }) => site === 'watchdog_timer_fn')).toHaveLength(1);
  }, 30_000);
});

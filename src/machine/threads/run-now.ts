import { MachineError } from '../machine-error.ts';
import type { Kernel } from './thread.ts';

/**
 * Runs code of the kernel to its end without letting anything come in between, as if there were one CPU and no
 * interrupt.
 *
 * @throws {@link MachineError} where it waits for somebody else: it must be a thread then
 */
export function runNow<T>(body: Kernel<T>): T {
  for (;;) {
    const { done, value } = body.next();
    if (done) return value;
    if (typeof value === 'object' && !value.until()) {
      throw new MachineError(`this code waits for ${value.what}: run it as a thread`);
    }
  }
}

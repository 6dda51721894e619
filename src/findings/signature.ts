import type { StackFrame } from '../kernel/source.ts';
import { callerFrames } from './recording-frames.ts';

/** Frames of a stack that tell one bug from another. */
const FRAMES = 4;

/**
 * What makes two occurrences one bug: the rule, the driver, and the functions on top of each stack, from who called the
 * DMA or the IOMMU API on. Addresses, PIDs,
 * times and offsets into functions do not count, so that it is the same in every boot and mostly in the next kernel.
 *
 * @returns 16 hexadecimal digits
 */
export function signatureOf(
  rule: string,
  driver: string | undefined,
  stacks: readonly (readonly StackFrame[])[],
): string {
  const parts = [rule, driver ?? ''];
  for (const stack of stacks) {
    const frames = callerFrames(stack).slice(0, FRAMES);
    parts.push(
      frames.map(frame => `${frame.symbol ?? '?'}${frame.module ? `[${frame.module}]` : ''}`).join('<'),
    );
  }
  return fnv1a(parts.join('\n'));
}

/** FNV-1a, 64 bits, in two halves of 32 (http://www.isthe.com/chongo/tech/comp/fnv/). */
function fnv1a(text: string): string {
  let low = 0x84222325;
  let high = 0xcbf29ce4;
  for (let i = 0; i < text.length; i++) {
    low = (low ^ text.charCodeAt(i)) >>> 0;
    // Times 2^40 + 0x1b3, modulo 2^64.
    const product = low * 0x1b3;
    const carry = Math.floor(product / 0x1_0000_0000);
    high = (Math.imul(high, 0x1b3) + carry + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

import { kernelFrames } from '../findings/recording-frames.ts';
import type { StackFrame } from '../kernel/source.ts';
import { hex } from '../kernel/units.ts';

/** Frames of one stack that are shown. */
const SHOWN_FRAMES = 16;

/** The lines of a stack, innermost frame first, without the frames of the recording itself. */
export function stackLines(stack: readonly StackFrame[], shown = SHOWN_FRAMES): string[] {
  const frames = kernelFrames(stack);
  const lines = frames.slice(0, shown).map(frame => `    ${formatFrame(frame)}`);
  if (frames.length > shown) lines.push(`    ... ${frames.length - shown} more`);
  return lines;
}

/** `function+0x1a/0x40 [module]` as the kernel prints it, or the bare address where no symbol covers it. */
export function formatFrame(frame: StackFrame): string {
  let text = frame.symbol ?? frame.address ?? 'unknown';
  if (frame.symbol !== undefined && frame.offset !== undefined) {
    text += `+${hex(frame.offset)}`;
    if (frame.size !== undefined) text += `/${hex(frame.size)}`;
  }
  return frame.module === undefined ? text : `${text} [${frame.module}]`;
}

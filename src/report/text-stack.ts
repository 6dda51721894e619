import type { StackFrame } from '../kernel/source.ts';
import { hex } from '../kernel/units.ts';

/** Frames of one stack that are shown. */
const SHOWN_FRAMES = 16;

/**
 * Functions through which ftrace, fprobes and kprobes record an event. They stand at the top of its stack and say
 * nothing about it; the last line of the pattern is the breakpoint of a kprobe, on x86 and arm64.
 */
const RECORDING_FRAME = new RegExp(
  [
    '^(trace_event_raw_event_|trace_event_buffer_|perf_trace_|__traceiter_|bpf_trace_run',
    '|kprobe_|kretprobe_|__kretprobe_|fprobe_|fentry_|fexit_|rethook_|arch_rethook_|(opt|aggr)_pre_handler$',
    '|ftrace_|__ftrace_|arch_ftrace_|optimized_callback$',
    '|do_int3$|exc_int3$|asm_exc_int3$|call_break_hook$|brk_handler$|do_debug_exception$|el1_dbg$|el1h_64_sync)',
  ].join(''),
);

/** The lines of a stack, innermost frame first, without the frames of the recording itself. */
export function stackLines(stack: readonly StackFrame[]): string[] {
  const frames = stack.slice(recordingFrames(stack));
  const lines = frames.slice(0, SHOWN_FRAMES).map(frame => `    ${formatFrame(frame)}`);
  if (frames.length > SHOWN_FRAMES) lines.push(`    ... ${frames.length - SHOWN_FRAMES} more`);
  return lines;
}

/** `function+0x1a/0x40 [module]` as the kernel prints it, or the bare address where no symbol covers it. */
export function formatFrame(frame: StackFrame): string {
  let text = frame.symbol ?? frame.address;
  if (frame.symbol !== undefined && frame.offset !== undefined) {
    text += `+${hex(frame.offset)}`;
    if (frame.size !== undefined) text += `/${hex(frame.size)}`;
  }
  return frame.module === undefined ? text : `${text} [${frame.module}]`;
}

/** How many frames at the top belong to the recording; 0 where nothing else would be left. */
function recordingFrames(stack: readonly StackFrame[]): number {
  const first = stack.findIndex(frame => !RECORDING_FRAME.test(frame.symbol ?? ''));
  return Math.max(0, first);
}

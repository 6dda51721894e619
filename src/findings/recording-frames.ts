import type { StackFrame } from '../kernel/source.ts';

/**
 * Functions through which ftrace, fprobes and kprobes record an event. They stand at the top of its stack and say
 * nothing about it; the last line of the pattern is the breakpoint of a kprobe, on x86 and arm64.
 */
const RECORDING_FRAME = new RegExp(
  [
    '^(trace_event_raw_event_|trace_event_buffer_|perf_trace_|__traceiter_|__probestub_|bpf_trace_run|__bpf_trace_',
    '|kprobe_|kretprobe_|__kretprobe_|fprobe_|fentry_|fexit_|rethook_|arch_rethook_|(opt|aggr)_pre_handler$',
    '|ftrace_|__ftrace_|arch_ftrace_|optimized_callback$',
    '|do_int3$|exc_int3$|asm_exc_int3$|call_break_hook$|brk_handler$|do_debug_exception$|el1_dbg$|el1h_64_sync)',
  ].join(''),
);

/** A stack without the frames of the recording on top of it; whole where nothing else would be left. */
export function kernelFrames(stack: readonly StackFrame[]): readonly StackFrame[] {
  const first = stack.findIndex(frame => !RECORDING_FRAME.test(frame.symbol ?? ''));
  return first <= 0 ? stack : stack.slice(first);
}

/**
 * The functions of the DMA and the IOMMU API through which every driver maps, unmaps and synchronizes: which of them are
 * called depends on the kernel, and what they say of a bug its rule says already.
 */
const API_FRAME = new RegExp(
  [
    '^(__iommu_|iommu_(map|unmap|dma_|iotlb_|debug_)|__dma_|dma_(map|unmap|alloc|free|sync|pool)|dmam_',
    '|__map_domain_pgtbl|__unmap_domain_pgtbl)',
  ].join(''),
);

/** A stack from the function that called the DMA or the IOMMU API on; whole where nothing else would be left. */
export function callerFrames(stack: readonly StackFrame[]): readonly StackFrame[] {
  const frames = kernelFrames(stack);
  const first = frames.findIndex(frame => !API_FRAME.test(frame.symbol ?? ''));
  return first <= 0 ? frames : frames.slice(first);
}

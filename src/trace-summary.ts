import type { InputGap, TraceSummary } from './findings/check-report.ts';
import type { Finding } from './findings/finding.ts';
import type { WalkResult } from './trace/events/walk.ts';
import type { TraceSource } from './trace/trace-source.ts';

/** What was read, for a report. */
export function summarize(source: TraceSource, walked: WalkResult): TraceSummary {
  const { trace } = source;
  const cpus = new Set(trace.buffers.flatMap(buffer => buffer.cpus.map(({ cpu }) => cpu)));
  return {
    files: [trace.file.name],
    format: `trace.dat version ${trace.version}${trace.compression === 'none' ? '' : ` (${trace.compression})`}`,
    ...(trace.uname === undefined ? {} : { kernel: trace.uname }),
    clock: trace.buffers[0]?.clock ?? 'local',
    cpus: cpus.size,
    pageSize: trace.pageSize,
    events: walked.events,
    firstNs: walked.firstNs,
    lastNs: walked.lastNs,
    capabilities: { ...source.capabilities },
  };
}

/** Parts of the file that were not read. */
export function inputGaps(source: TraceSource): InputGap[] {
  return source.gaps.map(({ offset, message }) => ({ file: source.trace.file.name, offset, message }));
}

/** Tells why frames of the findings have no name, if some have none. */
export function symbolNotes(source: TraceSource, findings: readonly Finding[]): string[] {
  const nameless = findings.some(({ story }) =>
    story.some(({ stack }) => stack.some(frame => frame.symbol === undefined)),
  );
  if (!nameless) return [];
  return source.names.symbols.isEmpty
    ? ['The trace holds no kernel symbols: stacks are shown as addresses.']
    : [
        'Some frames have no symbol: trace-cmd saves the symbols when the recording ends, and the module of these frames was unloaded by then. Keep it loaded until the end to see their names.',
      ];
}

/** What a reader should know before trusting a verdict on this trace. */
export function traceNotes(source: TraceSource, cpus: number): string[] {
  const notes: string[] = [];
  const { capabilities, trace } = source;
  const clock = trace.buffers[0]?.clock ?? 'local';
  if (!capabilities.hasDomains) {
    notes.push(
      'Domains are not told apart: iommu:map and iommu:unmap do not name theirs. Equal IOVAs of two domains hide each other, so a bug may be missed; what is reported still holds. Record a probe on iommu_map_nosync (on older kernels: __iommu_map) and __iommu_unmap to tell them apart.',
    );
  }
  if (clock === 'local' && cpus > 1) {
    notes.push(
      'The clock "local" is not the same on all CPUs: events of different CPUs may be in the wrong order. Record with -C mono.',
    );
  }
  const clocks = new Set(trace.buffers.map(buffer => buffer.clock));
  if (clocks.size > 1) {
    notes.push(
      `The buffers of this trace have different clocks (${[...clocks].join(', ')}): their events are not in order.`,
    );
  }
  return notes;
}

import type { InputGap, TraceSummary } from './findings/check-report.ts';
import type { Finding } from './findings/finding.ts';
import type { WalkResult } from './trace/events/walk.ts';
import type { Source } from './trace/source.ts';

/** What was read, for a report. */
export function summarize(source: Source, walked: WalkResult): TraceSummary {
  const { files, format, uname, pageSize, buffers } = source.description;
  const cpus = new Set(buffers.flatMap(buffer => buffer.cpus));
  return {
    files,
    format,
    ...(uname === undefined ? {} : { kernel: uname }),
    clock: buffers[0]?.clock ?? 'local',
    cpus: cpus.size,
    pageSize,
    events: walked.events,
    firstNs: walked.firstNs,
    lastNs: walked.lastNs,
    capabilities: { ...source.capabilities },
  };
}

/** Parts of the file that were not read. */
export function inputGaps(source: Source): InputGap[] {
  const [file = ''] = source.description.files;
  return source.gaps.map(gap => ({ file: gap.file ?? file, offset: gap.offset, message: gap.message }));
}

/** Tells why frames of the findings have no name, if some have none. */
export function symbolNotes(source: Source, findings: readonly Finding[]): string[] {
  const nameless = findings.some(({ story }) =>
    story.some(({ stack }) => stack.some(frame => frame.symbol === undefined)),
  );
  return nameless ? [source.whyNameless] : [];
}

/** What a reader should know before trusting a verdict on this trace. */
export function traceNotes(source: Source, cpus: number): string[] {
  const notes = [...source.notes];
  const { capabilities } = source;
  const { buffers } = source.description;
  const clock = buffers[0]?.clock ?? 'local';
  if (!capabilities.hasDomains) {
    notes.push(
      'Domains are not told apart: iommu:map and iommu:unmap do not name theirs. Equal IOVAs of two domains hide each other, so a bug may be missed; what is reported still holds. Record a probe on iommu_map_nosync (on older kernels: __iommu_map) and __iommu_unmap to tell them apart.',
    );
  }
  if (clock === 'local' && cpus > 1) {
    notes.push(
      'The clock "local" is not the same on all CPUs: events of different CPUs may be in the wrong order. Findings that rest on the order of events less than 10 ms apart (--reorder-window) are called possible. Record with -C mono.',
    );
  }
  const clocks = new Set(buffers.map(buffer => buffer.clock));
  if (clocks.size > 1) {
    notes.push(
      `The buffers of this trace have different clocks (${[...clocks].join(', ')}): their events are not in order.`,
    );
  }
  return notes;
}

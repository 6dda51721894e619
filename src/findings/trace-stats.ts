import type { InputGap, LossSummary, TraceSummary } from './check-report.ts';

/** One ring buffer of a recording: the main one, or an instance of tracefs. */
export interface BufferStats {
  /** Name of the tracefs instance; empty for the main buffer. */
  readonly name: string;
  readonly clock: string;
  readonly cpus: number;
}

/** How often one kind of event was recorded. */
export interface EventStats {
  /** `kmem`, `iommu`, or the group of a dynamic event. */
  readonly system: string;
  readonly name: string;
  readonly count: number;
  /** `ID` of the event's format file, `common_type` of its records. */
  readonly id: number;
}

/** What one CPU recorded. */
export interface CpuStats {
  readonly cpu: number;
  readonly events: number;
  /** Bytes of ring-buffer pages, decompressed. */
  readonly bytes: number;
  /** Events lost, or -1 where events were lost and the kernel did not count them. */
  readonly lost: number;
  /** Of the first and the last event; 0 when there is none. */
  readonly firstNs: number;
  readonly lastNs: number;
}

/** Whether a check has what it needs in this trace. */
export interface CheckStatus {
  readonly rule: string;
  readonly works: boolean;
  /** Why it does not work. */
  readonly reason?: string;
}

/** What a trace holds, without a verdict: the JSON of `iommusan stats` is this object. */
export interface TraceStats {
  readonly schemaVersion: 1;
  readonly trace: TraceSummary;
  readonly buffers: readonly BufferStats[];
  /** In descending order of their count. */
  readonly events: readonly EventStats[];
  readonly perCpu: readonly CpuStats[];
  readonly lost: LossSummary;
  readonly gaps: readonly InputGap[];
  readonly checks: readonly CheckStatus[];
  readonly notes: readonly string[];
}

import type { Capabilities } from '../kernel/source.ts';
import type { Finding } from './finding.ts';
import type { Severity } from './rule.ts';
import type { Series } from './series.ts';

/** Version of the JSON report; raised when a field changes its meaning or goes. New fields do not raise it. */
export const SCHEMA_VERSION = 1;

/** `exact`: what the IOMMU can really reach. `kernel`: what IOMMU_DEBUG_PAGEALLOC of Linux 7.2 would count. */
export type AccountingMode = 'exact' | 'kernel';

/** What was read. */
export interface TraceSummary {
  readonly files: readonly string[];
  /** `trace.dat version 7 (zstd)` */
  readonly format: string;
  /** `uname -srm` of the recorded machine, where the trace says it. */
  readonly kernel?: string;
  readonly clock: string;
  readonly cpus: number;
  /** The kernel's page size in bytes. */
  readonly pageSize: number;
  readonly events: number;
  /** Of the first and the last event; 0 when there is none. */
  readonly firstNs: number;
  readonly lastNs: number;
  readonly capabilities: Capabilities;
}

/** A part of the input that could not be read; everything else was. */
export interface InputGap {
  readonly file: string;
  readonly offset: number;
  readonly message: string;
}

export interface LossWindow {
  readonly cpu: number;
  /** Events lost, or -1 where the kernel did not count them. */
  readonly count: number;
  /** Time of the last event of this CPU before the gap; absent at the start of the trace. */
  readonly sinceNs?: number;
  /** Time of the first event of this CPU after the gap; absent at the end of the trace. */
  readonly untilNs?: number;
}

export interface LossSummary {
  /** Events known to be lost. */
  readonly events: number;
  /** Gaps whose size the kernel did not count. */
  readonly uncountedGaps: number;
  /** The first gaps, at most 100. */
  readonly windows: readonly LossWindow[];
}

export interface AccountingSummary {
  readonly mode: AccountingMode;
  readonly mappingsMade: number;
  /** Mappings that are still there at the end. */
  readonly mappingsLive: number;
  /** Distinct bytes of IOVA space that these cover. */
  readonly bytesLive: number;
  readonly pagesAllocated: number;
  readonly pagesFreed: number;
  /** Only in mode `kernel`: per-page warnings ("Detected page leak!") that the in-kernel sanitizer would have printed. */
  readonly kernelWarnings?: number;
}

/** A check that could not work on this source, and why. */
export interface SkippedCheck {
  readonly rule: string;
  readonly reason: string;
}

/** A finding that somebody has decided to live with, and where that is written. */
export interface SuppressedFinding {
  readonly reason: string;
  readonly file: string;
  readonly line: number;
  readonly finding: Finding;
}

/** A finding in a few words. */
export interface FindingSummary {
  readonly rule: string;
  readonly severity: Severity;
  readonly signature: string;
  readonly title: string;
  readonly count: number;
}

/** How a verdict compares with an earlier one; which findings are new, they say themselves. */
export interface BaselineSummary {
  readonly file: string;
  /** Findings of the baseline that this trace does not show. */
  readonly gone: readonly FindingSummary[];
}

/** The verdict on a trace: the JSON report is this object, and every other output is made from it. */
export interface CheckReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly tool: { readonly name: 'iommusan'; readonly version: string };
  readonly trace: TraceSummary;
  readonly accounting: AccountingSummary;
  readonly lost: LossSummary;
  readonly gaps: readonly InputGap[];
  readonly skippedChecks: readonly SkippedCheck[];
  /** What a reader should know before trusting the verdict, such as domains that are not told apart. */
  readonly notes: readonly string[];
  /** Errors first, then warnings, then notes; each in the order of their first occurrence. */
  readonly findings: readonly Finding[];
  /** Findings that a suppression took out of {@link findings}; absent where there is none. */
  readonly suppressed?: readonly SuppressedFinding[];
  /** Only where a baseline was given. */
  readonly baseline?: BaselineSummary;
  /** How mappings went over time; only where details were asked for. */
  readonly series?: Series;
}

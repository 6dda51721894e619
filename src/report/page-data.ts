import type { CheckReport, SuppressedFinding } from '../findings/check-report.ts';
import type { Finding, StoryEvent } from '../findings/finding.ts';
import type { Life, LifeEvent } from '../findings/life.ts';
import { kernelFrames } from '../findings/recording-frames.ts';
import type { StackFrame } from '../kernel/source.ts';
import { printable } from './printable.ts';
import { formatFrame } from './text-stack.ts';

/** Findings that a page holds of one trace; more are counted. */
const MOST_FINDINGS = 1000;

/** An event whose stack is a row of {@link PageData.stacks}. */
export type PageEvent<T extends StoryEvent | LifeEvent> = Omit<T, 'stack'> & { readonly stack: number };

export interface PageLife extends Omit<Life, 'events'> {
  readonly events: readonly PageEvent<LifeEvent>[];
}

export interface PageFinding extends Omit<Finding, 'story' | 'life'> {
  readonly story: readonly PageEvent<StoryEvent>[];
  readonly life?: PageLife;
}

export interface PageReport extends Omit<CheckReport, 'findings' | 'suppressed'> {
  readonly findings: readonly PageFinding[];
  readonly suppressed: readonly (Omit<SuppressedFinding, 'finding'> & { readonly finding: PageFinding })[];
  /** Findings that the page does not hold. */
  readonly findingsOmitted: number;
}

/**
 * What a page of HTML is made of: reports whose stacks and frames are told once, because the same few appear in every
 * finding. Every text can be shown.
 */
export interface PageData {
  /** Frames as the kernel prints them. */
  readonly frames: readonly string[];
  /** Stacks as rows of {@link frames}, innermost first, without the frames of the recording. */
  readonly stacks: readonly (readonly number[])[];
  readonly reports: readonly PageReport[];
}

export function pageData(reports: readonly CheckReport[]): PageData {
  const frames = new Rows<string>();
  const stacks = new Rows<readonly number[]>();
  const rowOf = (stack: readonly StackFrame[]): number => {
    const rows = kernelFrames(stack).map(frame => frames.row(formatFrame(frame), formatFrame(frame)));
    return stacks.row(rows.join(), rows);
  };
  const event = <T extends StoryEvent | LifeEvent>(one: T): PageEvent<T> => ({
    ...one,
    stack: rowOf(one.stack),
  });
  const finding = ({ story, life, ...rest }: Finding): PageFinding => ({
    ...rest,
    story: story.map(event),
    ...(life && { life: { ...life, events: life.events.map(event) } }),
  });
  const shown = reports.map((report): PageReport => {
    const {
      findings,
      suppressed = [],
      ...rest
    } = printable({
      ...report,
      findings: report.findings.slice(0, MOST_FINDINGS),
      suppressed: report.suppressed?.slice(0, MOST_FINDINGS) ?? [],
    });
    return {
      ...rest,
      findings: findings.map(finding),
      suppressed: suppressed.map(one => ({ ...one, finding: finding(one.finding) })),
      findingsOmitted: Math.max(0, report.findings.length - MOST_FINDINGS),
    };
  });
  return { frames: frames.values, stacks: stacks.values, reports: shown };
}

/** Values that are kept once each. */
class Rows<T> {
  readonly values: T[] = [];
  private readonly byKey = new Map<string, number>();

  row(key: string, value: T): number {
    let row = this.byKey.get(key);
    if (row === undefined) {
      row = this.values.push(value) - 1;
      this.byKey.set(key, row);
    }
    return row;
  }
}

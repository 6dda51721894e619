import type { Finding } from '../findings/finding.ts';
import type { SourceNames } from '../kernel/source.ts';
import { FRAME_SIZE, frameOf } from '../kernel/units.ts';
import type { LifeLog } from './life-log.ts';

/** What is watched for one finding: a page, a mapping and a device, as far as the finding names them. */
export interface Subject {
  readonly finding: Finding;
  readonly log: LifeLog;
  /** The page, in pages of the kernel's size, or -1. */
  readonly pfn: number;
  /** The device as the source numbers it; 0 until an event shows it. */
  device: number;
  /** The mapping while it lives, as the shadow numbers it; 0 before, and -1 when it is gone. */
  mapping: number;
  /** Where the mapping is, in 4 KiB; learnt when it is made. */
  domain: number;
  iovaPage: number;
  iovaPages: number;
  /** The range that the finding's DMA API call named; empty until it is seen. */
  dmaAddr: number;
  dmaEnd: number;
  /** A flush of the IOTLB is only of interest between the unmap and the first flush. */
  awaitsFlush: boolean;
}

/** The page of a finding, or else the first page of its mapping. */
export function pageOf({ page, mapping }: Finding, pageSize: number): number {
  if (page !== undefined) return Number(page.pfn);
  return mapping === undefined ? -1 : Math.floor(Number(mapping.phys) / pageSize);
}

export function subjectOf(finding: Finding, log: LifeLog, pageSize: number): Subject {
  return {
    finding,
    log,
    pfn: pageOf(finding, pageSize),
    device: 0,
    mapping: 0,
    domain: 0,
    iovaPage: -1,
    iovaPages: 0,
    dmaAddr: -1,
    dmaEnd: -1,
    awaitsFlush: false,
  };
}

/** Whether bytes of IOVA space meet the mapping or the DMA address that the subject is about. */
export function meetsIova(subject: Subject, iova: number, size: number): boolean {
  const end = iova + size;
  if (subject.dmaAddr < end && subject.dmaEnd > iova) return true;
  const first = frameOf(iova);
  return (
    subject.iovaPage >= 0 &&
    subject.iovaPage < Math.ceil(end / FRAME_SIZE) &&
    first < subject.iovaPage + subject.iovaPages
  );
}

/** Subjects by their pages: who is concerned by a block of pages, without a look at all. */
export class SubjectsByPage {
  private readonly sorted: readonly Subject[];

  constructor(subjects: readonly Subject[]) {
    this.sorted = subjects.filter(({ pfn }) => pfn >= 0).toSorted((a, b) => a.pfn - b.pfn);
  }

  forEachIn(pfn: number, pages: number, visit: (subject: Subject) => void): void {
    const { sorted } = this;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] as Subject).pfn < pfn) low = middle + 1;
      else high = middle;
    }
    for (; low < sorted.length; low++) {
      const subject = sorted[low] as Subject;
      if (subject.pfn >= pfn + pages) return;
      visit(subject);
    }
  }
}

/** Subjects of a device, which the source numbers and the findings name. */
export function deviceMatcher(
  subjects: readonly Subject[],
  names: SourceNames,
): (device: number) => readonly Subject[] {
  const known = new Map<number, Subject[]>();
  return device => {
    let matching = known.get(device);
    if (!matching) {
      const name = names.device(device);
      matching = subjects.filter(
        ({ finding }) => name !== undefined && (finding.device ?? finding.mapping?.device) === name,
      );
      for (const subject of matching) subject.device = device;
      known.set(device, matching);
    }
    return matching;
  };
}

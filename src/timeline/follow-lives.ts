import type { Follower } from '../checks/follower.ts';
import type { Finding } from '../findings/finding.ts';
import type { Life, LifeFacts, LifeRole } from '../findings/life.ts';
import { UNKNOWN } from '../kernel/events.ts';
import { copyMoment, type Moment, newMoment } from '../kernel/moment.ts';
import type { SourceNames } from '../kernel/source.ts';
import { FRAME_SIZE, frameOf, framesIn, hex } from '../kernel/units.ts';
import type { Shadow } from '../shadow/shadow.ts';
import { beliefOf } from './belief.ts';
import { LifeLog } from './life-log.ts';
import { lifeOf } from './life-of.ts';
import { deviceMatcher, meetsIova, type Subject, SubjectsByPage, subjectOf } from './subject.ts';

export interface LifeOptions {
  /** Events that are kept of a life beside those of its story. */
  readonly mostEvents: number;
  /** Innermost frames that are kept of each stack. */
  readonly frames: number;
}

/** Lives that grow while events come. */
export interface LivesFollower {
  readonly follower: Follower;
  /** The life of each finding, in the order of the findings. */
  result(): Life[];
}

/**
 * Follows the pages, mappings and devices of findings through the trace that they were found in, which is played once
 * more for it: so the verdict itself pays nothing for its explanation.
 */
export function followLives(
  shadow: Shadow,
  names: SourceNames,
  findings: readonly Finding[],
  options: LifeOptions,
): LivesFollower {
  const subjects = findings.map(finding =>
    subjectOf(finding, new LifeLog(finding.story, finding.firedAt, options.mostEvents), shadow.pageSize),
  );
  const byPage = new SubjectsByPage(subjects);
  const storyTimes = new Set(findings.flatMap(({ story }) => story.map(({ timeNs }) => timeNs)));
  /** Subjects of which the event in hand has removed pages. */
  let cut = new Set<Subject>();
  const pools = new Map<number, Set<Subject>>();

  const note = (subject: Subject, role: LifeRole, at: Readonly<Moment>, facts: LifeFacts): void => {
    subject.log.add({
      role,
      facts,
      at: copyMoment(at),
      belief: beliefOf(shadow, subject),
      story: storyTimes.has(at.timeNs) ? subject.log.storyIndex(role, at) : -1,
    });
  };
  const isTold = (subject: Subject, role: LifeRole, at: Readonly<Moment>): boolean =>
    storyTimes.has(at.timeNs) && subject.log.storyIndex(role, at) >= 0;
  const ofDevice = deviceMatcher(subjects, names);

  /** An event of a page: a block of pages is of interest to whoever watches a page in it. */
  const ofPages = (role: LifeRole, at: Readonly<Moment>, pfn: number, order: number): void =>
    byPage.forEachIn(pfn, 2 ** order, subject => note(subject, role, at, order > 0 ? { order } : {}));
  const forEachFrame = (phys: number, size: number, visit: (subject: Subject) => void): void => {
    const first = Math.floor(phys / shadow.pageSize);
    byPage.forEachIn(first, Math.ceil((phys + size) / shadow.pageSize) - first, visit);
  };
  /** The event in hand has removed what it removes: tells whoever lost pages by it. */
  const tellCut = (at: Readonly<Moment>, role: LifeRole, facts: () => LifeFacts): void => {
    if (cut.size === 0) return;
    const concerned = cut;
    cut = new Set();
    for (const subject of concerned) {
      subject.awaitsFlush = true;
      note(subject, role, at, facts());
    }
  };
  /** A DMA API call that concerns a device and a range, or is told in the story. */
  const dmaCall = (
    role: LifeRole,
    at: Readonly<Moment>,
    device: number,
    dmaAddr: number,
    size: number,
  ): void => {
    for (const subject of ofDevice(device)) {
      const told = isTold(subject, role, at);
      if (!told && !meetsIova(subject, dmaAddr, size)) continue;
      if (told) {
        subject.dmaAddr = dmaAddr;
        subject.dmaEnd = dmaAddr + size;
      }
      note(subject, role, at, {
        iova: hex(dmaAddr),
        sizeBytes: size,
        ...named('device', names.device(device)),
      });
    }
  };
  const driverEvent = (role: LifeRole, at: Readonly<Moment>, device: number, driver = UNKNOWN): void => {
    for (const subject of ofDevice(device)) note(subject, role, at, named('driver', names.driver(driver)));
  };
  const poolEvent = (role: LifeRole, at: Readonly<Moment>, pool: number, count?: number): void => {
    for (const subject of pools.get(pool) ?? []) {
      note(subject, role, at, { ...named('pool', names.pool(pool)), ...(count !== undefined && { count }) });
    }
  };
  const poolPage = (role: LifeRole, at: Readonly<Moment>, pool: number, pfn: number): void =>
    byPage.forEachIn(pfn, 1, subject => {
      const watching = pools.get(pool) ?? new Set();
      pools.set(pool, watching.add(subject));
      note(subject, role, at, named('pool', names.pool(pool)));
    });

  const follower: Follower = {
    iommuMap(at, domain, iova, phys, size) {
      if (size <= 0) return;
      const facts = (): LifeFacts => ({
        iova: hex(iova),
        phys: hex(phys),
        sizeBytes: size,
        ...named('domain', names.domain(domain)),
      });
      tellCut(at, 'unmapped', facts);
      const concerned = new Set<Subject>();
      forEachFrame(phys, size, subject => concerned.add(subject));
      if (storyTimes.has(at.timeNs)) {
        for (const subject of subjects) if (isTold(subject, 'mapped', at)) concerned.add(subject);
      }
      for (const subject of concerned) {
        if (subject.mapping === 0 && isTold(subject, 'mapped', at)) {
          subject.mapping = shadow.tables.get(domain, frameOf(iova));
          subject.domain = domain;
          subject.iovaPage = frameOf(iova);
          subject.iovaPages = framesIn(iova, size);
        }
        note(subject, 'mapped', at, facts());
      }
    },
    mappingCut(_at, id, iovaPage, pages, gone) {
      const frame = shadow.mappings.frameAt(id, iovaPage);
      forEachFrame(frame * FRAME_SIZE, pages * FRAME_SIZE, subject => cut.add(subject));
      for (const subject of subjects) {
        if (subject.mapping !== id) continue;
        cut.add(subject);
        if (gone) subject.mapping = -1;
      }
    },
    iommuUnmapEnd(at, domain, iova, size, unmapped) {
      const facts = (sizeBytes: number): LifeFacts => ({
        iova: hex(iova),
        sizeBytes,
        ...named('domain', names.domain(domain)),
      });
      tellCut(at, 'unmapped', () => facts(unmapped));
      if (unmapped > 0 && !storyTimes.has(at.timeNs)) return;
      const role = unmapped > 0 ? 'unmapped' : 'unmap found nothing';
      for (const subject of subjects) {
        const concerns = unmapped === 0 && subject.domain === domain && meetsIova(subject, iova, size);
        if (concerns || isTold(subject, role, at)) note(subject, role, at, facts(size));
      }
    },
    iotlbFlush(at, domain, iova, size) {
      for (const subject of subjects) {
        const isFirst = subject.awaitsFlush && (domain === UNKNOWN || domain === subject.domain);
        if (!isTold(subject, 'IOTLB flushed', at) && !(isFirst && meetsIova(subject, iova, size))) continue;
        subject.awaitsFlush = false;
        note(subject, 'IOTLB flushed', at, {
          ...named('domain', names.domain(domain)),
          ...(Number.isFinite(size) && { iova: hex(iova), sizeBytes: size }),
        });
      }
    },
    ioPageFault(at, device, iova) {
      for (const subject of subjects) {
        if (!isTold(subject, 'fault', at) && !(subject.device === device && meetsIova(subject, iova, 1)))
          continue;
        note(subject, 'fault', at, { iova: hex(iova), ...named('device', names.device(device)) });
      }
    },
    domainFree(at, domain) {
      for (const subject of subjects) if (subject.domain === domain && domain !== UNKNOWN) cut.add(subject);
      tellCut(at, 'domain freed', () => named('domain', names.domain(domain)));
    },
    pageAlloc(at, pfn, order) {
      ofPages('allocated', at, pfn, order);
    },
    pageFree(at, pfn, order) {
      ofPages('freed', at, pfn, order);
    },
    dmaMap(at, _kind, device, dmaAddr, size) {
      dmaCall('DMA mapped', at, device, dmaAddr, size);
    },
    dmaUnmap(at, _kind, device, dmaAddr, size) {
      dmaCall('DMA unmapped', at, device, dmaAddr, size);
    },
    dmaSync(at, device, dmaAddr, size) {
      dmaCall('DMA synced', at, device, dmaAddr, size);
    },
    dmaMapSg(at, device, list) {
      for (let i = 0; i < list.ents; i++) {
        dmaCall('DMA mapped', at, device, list.dmaAddr[i] as number, list.length[i] as number);
      }
    },
    dmaUnmapSg(at, device) {
      for (const subject of ofDevice(device)) {
        if (isTold(subject, 'DMA unmapped', at))
          note(subject, 'DMA unmapped', at, named('device', names.device(device)));
      }
    },
    driverProbe: (at, device, driver) => driverEvent('driver bound', at, device, driver),
    driverCleanup: (at, device) => driverEvent('driver leaves', at, device),
    driverUnbound: (at, device) => driverEvent('driver unbound', at, device),
    poolHold: (at, pool, pfn) => poolPage('held by page_pool', at, pool, pfn),
    poolRelease: (at, pool, pfn) => poolPage('released by page_pool', at, pool, pfn),
    poolShutdown: (at, pool, inflight) => poolEvent('page_pool shut down', at, pool, inflight),
    poolDestroy: (at, pool) => poolEvent('page_pool destroyed', at, pool),
    slabAlloc(at, phys, size) {
      forEachFrame(phys, size, subject =>
        note(subject, 'slab object allocated', at, { phys: hex(phys), sizeBytes: size }),
      );
    },
    slabFree(at, phys) {
      forEachFrame(phys, 1, subject => note(subject, 'slab object freed', at, { phys: hex(phys) }));
    },
    kernelTableUnlink: (at, pfn) => ofPages('entry cleared', at, pfn, 0),
    kernelTableFree: (at, pfn) => ofPages('page table given up', at, pfn, 0),
    svaInvalidateBegin(at) {
      for (const subject of subjects) {
        if (isTold(subject, 'SVA invalidation begun', at)) note(subject, 'SVA invalidation begun', at, {});
      }
    },
    eventsLost(cpu, count, _sinceNs, untilNs) {
      const at: Moment = { ...newMoment(), cpu, timeNs: untilNs };
      if (!Number.isFinite(untilNs)) return;
      for (const subject of subjects) note(subject, 'events lost', at, { count });
    },
  };

  return {
    follower,
    result: () => subjects.map(subject => lifeOf(subject, names, options.frames)),
  };
}

/** A fact that is only there where it is known. */
function named<K extends keyof LifeFacts>(key: K, value: string | undefined): LifeFacts {
  return value === undefined ? {} : { [key]: value };
}

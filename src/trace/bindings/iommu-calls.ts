import { type KernelEvents, PROT_UNKNOWN, UNKNOWN } from '../../kernel/events.ts';
import type { Moment } from '../../kernel/moment.ts';
import { LossWindows } from './loss-windows.ts';
import { MissedReturns } from './missed-returns.ts';
import { type OpenCalls, openCallsByContext } from './open-calls.ts';

/** Which of the two tracepoints and the probes a trace has, as its formats say. */
export interface CallEvidence {
  /**
   * `iommu:map` or a return probe with arguments tells how a map ended. Without, the entry is taken for the success,
   * until a return probe without arguments is seen: its format does not say whose return it is.
   */
  readonly mapOutcome: boolean;
  readonly unmapOutcome: boolean;
  /** A return probe carries the arguments: the tracepoint before it waits for the domain. */
  readonly mapReturnNamesDomain: boolean;
  readonly unmapReturnNamesDomain: boolean;
}

/**
 * Joins the events of one `iommu_map()` or `iommu_unmap()` call: probe at the entry (domain), tracepoint (what was
 * really done) and probe at the return (result). Any of them may be missing.
 *
 * A call belongs to its {@link Moment.context}: a task may be preempted or moved between entry and return, an
 * interrupt may make the same call meanwhile. Within a context a map can contain an unmap (its roll-back), but
 * neither contains itself.
 */
export class IommuCalls {
  private readonly sink: KernelEvents;
  readonly open = openCallsByContext();
  readonly losses = new LossWindows();
  readonly missed: MissedReturns;

  /** Whether the end of a call can be seen: what the formats promise, or a return that was seen. */
  private mapOutcome = false;
  private unmapOutcome = false;
  private mapReturnNamesDomain = false;
  private unmapReturnNamesDomain = false;

  constructor(sink: KernelEvents, evidence?: CallEvidence) {
    this.sink = sink;
    this.missed = new MissedReturns(sink);
    if (evidence) this.expect(evidence);
  }

  /** Whether the end of a map, and of an unmap, is told by an event of its own. */
  get tellsMapOutcome(): boolean {
    return this.mapOutcome;
  }
  get tellsUnmapOutcome(): boolean {
    return this.unmapOutcome;
  }

  /** What the trace lacks of the calls, as sentences; complete after {@link finish}. */
  get notes(): readonly string[] {
    return this.missed.notes;
  }

  /** Takes note of what the formats promise; text shows its formats one after the other. */
  expect(evidence: CallEvidence): void {
    this.mapOutcome ||= evidence.mapOutcome;
    this.unmapOutcome ||= evidence.unmapOutcome;
    this.mapReturnNamesDomain ||= evidence.mapReturnNamesDomain;
    this.unmapReturnNamesDomain ||= evidence.unmapReturnNamesDomain;
  }

  /**
   * Events of a CPU are missing until `untilNs`. The end of an open call may be among them, and the entry of another
   * one with it: an event behind the gap is not taken for the end of a call from before. (A task that is moved to a CPU
   * that loses events and back within one call could still be taken for one that was not.)
   */
  eventsLost(untilNs: number): void {
    this.losses.add(untilNs);
  }

  mapEntry(at: Moment, domain: number, iova: number, phys: number, size: number, prot: number): void {
    const calls = this.callsOf(at);
    if (calls.held !== 'nothing') this.settle(calls);
    if (!this.mapOutcome) {
      this.sink.iommuMap(at, domain, iova, phys, size, prot);
      return;
    }
    // iommu_map() contains iommu_map_nosync(): both may be probed.
    if (calls.mapOpen && (calls.mapDomain !== domain || calls.mapIova !== iova)) this.missedMap(calls);
    calls.mapOpen = true;
    calls.mapReported = false;
    calls.mapReturned = false;
    calls.mapDomain = domain;
    calls.mapIova = iova;
    calls.mapPhys = phys;
    calls.mapSize = size;
    calls.mapProt = prot;
    calls.mapStack = at.stack;
    calls.mapCpu = at.cpu;
    calls.mapEntryNs = at.timeNs;
  }

  /** `iommu:map`. Linux 7.2 also emits it for a map that failed, with the bytes mapped until then. */
  mapTracepoint(at: Moment, iova: number, phys: number, size: number): void {
    this.missed.traced('map');
    const calls = this.callsOf(at);
    if (calls.held !== 'nothing') this.settle(calls);
    const known = calls.mapOpen && !calls.mapReported && calls.mapIova === iova;
    if (known) calls.mapReported = true;
    else calls.mapReturned = false;
    if (size === 0) return;
    if (known) {
      if (at.stack === 0) at.stack = calls.mapStack;
      this.sink.iommuMap(at, calls.mapDomain, iova, phys, size, calls.mapProt);
    } else if (this.mapReturnNamesDomain) {
      calls.hold('map', at, iova, phys, size, 0);
    } else {
      this.sink.iommuMap(at, UNKNOWN, iova, phys, size, PROT_UNKNOWN);
    }
  }

  /** Closes the open map of a context if its tracepoint was seen: then the return has nothing to add. */
  closesReportedMap(context: number): boolean {
    this.missed.returned('map');
    const calls = this.open.of(context);
    if (!calls.mapOpen || !calls.mapReported) return false;
    calls.mapOpen = false;
    calls.mapReturned = true;
    return true;
  }

  /** Return of a map whose entry was seen. */
  mapReturn(at: Moment, result: number): void {
    this.mapOutcome = true;
    this.missed.returned('map');
    const calls = this.callsOf(at);
    if (!calls.mapOpen) return;
    calls.mapOpen = false;
    calls.mapReturned = true;
    if (calls.mapReported || result !== 0) return;
    if (at.stack === 0) at.stack = calls.mapStack;
    this.sink.iommuMap(at, calls.mapDomain, calls.mapIova, calls.mapPhys, calls.mapSize, calls.mapProt);
  }

  /** Return of a map with its arguments: the entry was not probed. */
  mapReturnWithArguments(
    at: Moment,
    domain: number,
    iova: number,
    phys: number,
    size: number,
    result: number,
  ): void {
    this.missed.returned('map');
    const calls = this.callsOf(at);
    if (calls.mapOpen && calls.mapIova === iova) {
      this.mapReturn(at, result);
    } else if (calls.held === 'map' && calls.heldIova === iova) {
      calls.release();
      this.sink.iommuMap(calls.heldAt, domain, iova, calls.heldPhys, calls.heldSize, PROT_UNKNOWN);
    } else if (calls.mapReturned && calls.mapDomain === domain && calls.mapIova === iova) {
      // iommu_map() contains iommu_map_nosync(): both may be probed.
      return;
    } else {
      if (calls.held !== 'nothing') this.settle(calls);
      if (result === 0) this.sink.iommuMap(at, domain, iova, phys, size, PROT_UNKNOWN);
    }
  }

  unmapEntry(at: Moment, domain: number, iova: number, size: number): void {
    const calls = this.callsOf(at);
    if (calls.held !== 'nothing') this.settle(calls);
    // iommu_unmap() contains __iommu_unmap(): both may be probed.
    if (calls.unmapOpen && calls.unmapDomain === domain && calls.unmapIova === iova) return;
    this.missedUnmap(calls);
    this.sink.iommuUnmapBegin(at, domain, iova, size);
    if (!this.unmapOutcome) {
      calls.gather(iova, size);
      this.sink.iommuUnmapEnd(at, domain, iova, size, size);
      return;
    }
    calls.unmapOpen = true;
    calls.unmapReturnDue = true;
    calls.unmapEnded = false;
    calls.unmapDomain = domain;
    calls.unmapIova = iova;
    calls.unmapSize = size;
    calls.unmapStack = at.stack;
    calls.unmapEntry = at;
  }

  unmapTracepoint(at: Moment, iova: number, size: number, unmapped: number): void {
    this.missed.traced('unmap');
    const calls = this.callsOf(at);
    if (calls.held !== 'nothing') this.settle(calls);
    if (calls.unmapOpen && calls.unmapIova === iova && calls.unmapSize === size) {
      this.endUnmap(calls, at, unmapped);
      return;
    }
    calls.unmapEnded = false;
    // The roll-back of a map that failed at once.
    if (size === 0 && unmapped === 0) return;
    if (this.unmapReturnNamesDomain) calls.hold('unmap', at, iova, 0, size, unmapped);
    else this.wholeUnmap(at, UNKNOWN, iova, size, unmapped);
  }

  /** Return of an unmap whose entry was seen. */
  unmapReturn(at: Moment, unmapped: number): void {
    this.unmapOutcome = true;
    this.missed.returned('unmap');
    const calls = this.callsOf(at);
    calls.unmapReturnDue = false;
    if (calls.unmapOpen) this.endUnmap(calls, at, unmapped);
  }

  unmapReturnWithArguments(at: Moment, domain: number, iova: number, size: number, unmapped: number): void {
    this.missed.returned('unmap');
    const calls = this.callsOf(at);
    calls.unmapReturnDue = false;
    if (calls.unmapOpen && calls.unmapIova === iova) {
      this.endUnmap(calls, at, unmapped);
    } else if (calls.held === 'unmap' && calls.heldIova === iova) {
      calls.release();
      this.wholeUnmap(calls.heldAt, domain, iova, calls.heldSize, calls.heldUnmapped);
    } else if (!calls.unmapEnded || calls.unmapDomain !== domain || calls.unmapIova !== iova) {
      if (calls.held !== 'nothing') this.settle(calls);
      this.wholeUnmap(at, domain, iova, size, unmapped);
    }
  }

  /**
   * Takes what a thread of execution has unmapped since it last asked, as one range: what a sync flushes. An unmap that
   * waits for its return probe is told first, in the domain that the sync names.
   */
  takeGathered(context: number, domain: number): { readonly start: number; readonly end: number } {
    const calls = this.open.of(context);
    if (calls.held === 'unmap') {
      calls.release();
      calls.unmapEnded = true;
      calls.unmapDomain = domain;
      calls.unmapIova = calls.heldIova;
      this.wholeUnmap(calls.heldAt, domain, calls.heldIova, calls.heldSize, calls.heldUnmapped);
    }
    const { gathered } = calls;
    calls.forgetGathered();
    return gathered;
  }

  /** At the end of the trace: what still waits is told with what is known. */
  finish(): void {
    for (const calls of this.open.values()) {
      if (calls.held !== 'nothing') this.settle(calls);
      // What the tracepoint has told is known, and the trace may just end within the call.
      if (calls.mapOpen && !calls.mapReported) this.missedMap(calls);
      if (calls.unmapOpen) this.missedUnmap(calls);
    }
  }

  private endUnmap(calls: OpenCalls, at: Moment, unmapped: number): void {
    calls.unmapOpen = false;
    calls.unmapEnded = true;
    if (at.stack === 0) at.stack = calls.unmapStack;
    calls.gather(calls.unmapIova, unmapped);
    this.sink.iommuUnmapEnd(at, calls.unmapDomain, calls.unmapIova, calls.unmapSize, unmapped);
  }

  private wholeUnmap(at: Moment, domain: number, iova: number, size: number, unmapped: number): void {
    this.callsOf(at).gather(iova, unmapped);
    this.sink.iommuUnmapBegin(at, domain, iova, size);
    this.sink.iommuUnmapEnd(at, domain, iova, size, unmapped);
  }

  /** The return probe of a held tracepoint did not come: the domain stays unknown. */
  private settle(calls: OpenCalls): void {
    const { held, heldAt, heldIova, heldSize } = calls;
    if (held === 'nothing') return;
    calls.release();
    if (held === 'map') this.sink.iommuMap(heldAt, UNKNOWN, heldIova, calls.heldPhys, heldSize, PROT_UNKNOWN);
    else this.wholeUnmap(heldAt, UNKNOWN, heldIova, heldSize, calls.heldUnmapped);
  }

  /** The return of a map did not come. */
  private missedMap({ mapCpu, mapEntryNs, mapReported }: OpenCalls): void {
    this.missed.missing('map', mapCpu, mapEntryNs, mapReported);
  }

  /** Nor that of an unmap, if it was due. */
  private missedUnmap(calls: OpenCalls): void {
    const { unmapReturnDue, unmapEntry, unmapOpen } = calls;
    if (unmapReturnDue) this.missed.missing('unmap', unmapEntry.cpu, unmapEntry.timeNs, !unmapOpen);
    calls.unmapReturnDue = false;
    this.abandonUnmap(calls);
  }

  /** An entry whose outcome was lost: the call was made, and nearly every unmap does what it is asked. */
  private abandonUnmap(calls: OpenCalls): void {
    if (calls.unmapOpen) this.endUnmap(calls, calls.unmapEntry, calls.unmapSize);
  }

  /** The calls of a thread of execution, without those that began before a loss which is over. */
  private callsOf(at: Moment): OpenCalls {
    const calls = this.open.of(at.context);
    const closed = this.losses.closedBy(at.timeNs);
    if (calls.lossesClosed !== closed) {
      calls.lossesClosed = closed;
      this.forgetOpen(calls);
    }
    return calls;
  }

  /** Of the calls of a context it is not known any more how they go on. */
  private forgetOpen(calls: OpenCalls): void {
    if (calls.held !== 'nothing') this.settle(calls);
    this.abandonUnmap(calls);
    calls.mapOpen = false;
    calls.mapReturned = false;
    calls.unmapEnded = false;
    calls.unmapReturnDue = false;
  }
}

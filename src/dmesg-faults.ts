import { type KernelEvents, UNKNOWN } from './kernel/events.ts';
import { type Moment, newMoment } from './kernel/moment.ts';
import type { EventLocation, SourceNames } from './kernel/source.ts';
import type { LogClock } from './log-clock.ts';
import type { Dmesg, DmesgFault } from './trace/kernel-log/dmesg.ts';

/** Positions of the trace are not negative, and -1 is none: those of the log's lines lie below. */
const FIRST_POSITION = -2;

/** The log does not say on which CPU. */
const NO_CPU = -1;

/** Ids of devices that only the log names begin here: no trace has so many. */
const FIRST_STRANGER = 1 << 30;

/** A fault that has not been told yet, on the clock of the trace. */
interface Waiting {
  readonly fault: DmesgFault;
  readonly timeNs: number;
  readonly slackNs: number;
}

/** The events of a trace with the faults of a log told among them, and names that know where these stand. */
export class DmesgFaults {
  readonly names: SourceNames;
  private readonly dmesg: Dmesg;
  private readonly clock: LogClock;
  private readonly waiting: readonly Waiting[];
  /** Devices that only the log names. */
  private readonly strangers: string[] = [];
  private next = 0;

  constructor(dmesg: Dmesg, clock: LogClock, names: SourceNames) {
    this.dmesg = dmesg;
    this.clock = clock;
    this.names = this.namesWithLog(names);
    this.waiting = dmesg.faults
      .filter(({ at }) => !clock.shared.has(at.line))
      .map(fault => this.placed(fault))
      .sort((a, b) => a.timeNs + a.slackNs - (b.timeNs + b.slackNs));
  }

  /** Faults that the trace does not tell itself. */
  get count(): number {
    return this.waiting.length;
  }

  /**
   * The same events, and before each that changes a mapping the faults of which the time has come. A fault is told when
   * everything has happened that its slack leaves room for.
   */
  among(events: KernelEvents): KernelEvents {
    return {
      ...events,
      iommuMap: (at, domain, iova, phys, size, prot) => {
        this.tellUntil(at.timeNs, events);
        events.iommuMap(at, domain, iova, phys, size, prot);
      },
      iommuUnmapEnd: (at, domain, iova, size, unmapped) => {
        this.tellUntil(at.timeNs, events);
        events.iommuUnmapEnd(at, domain, iova, size, unmapped);
      },
    };
  }

  /** The trace is at its end: a log goes on, but what was mapped when its later faults came was not seen. */
  finish(events: KernelEvents, lastNs: number): void {
    for (; this.next < this.waiting.length; this.next++) {
      const waiting = this.waiting[this.next] as Waiting;
      if (!Number.isFinite(waiting.slackNs)) this.tell({ ...waiting, timeNs: lastNs }, events);
      else if (waiting.timeNs - waiting.slackNs <= lastNs) this.tell(waiting, events);
    }
  }

  private placed(fault: DmesgFault): Waiting {
    const { timeNs } = fault.at;
    if (timeNs === undefined) return { fault, timeNs: 0, slackNs: Number.POSITIVE_INFINITY };
    return { fault, timeNs: timeNs + this.clock.offsetNs, slackNs: this.clock.slackNs(timeNs) };
  }

  private tellUntil(timeNs: number, events: KernelEvents): void {
    for (; this.next < this.waiting.length; this.next++) {
      const waiting = this.waiting[this.next] as Waiting;
      if (waiting.timeNs + waiting.slackNs >= timeNs) return;
      this.tell(waiting, events);
    }
  }

  private tell({ fault: { fault, at }, timeNs, slackNs }: Waiting, events: KernelEvents): void {
    const moment: Moment = { ...newMoment(), timeNs, cpu: NO_CPU, position: FIRST_POSITION - at.line };
    events.ioPageFault(moment, this.deviceNamed(fault.device), fault.iova, fault.isWrite, slackNs);
  }

  /** The id that the trace gave a device, or one of our own: a device that the trace never names has none of its mappings. */
  private deviceNamed(name: string | undefined): number {
    if (name === undefined) return UNKNOWN;
    for (let id = 1; ; id++) {
      const known = this.names.device(id);
      if (known === name) return id;
      if (known === undefined) break;
    }
    const known = this.strangers.indexOf(name);
    return FIRST_STRANGER + (known >= 0 ? known : this.strangers.push(name) - 1);
  }

  private namesWithLog(names: SourceNames): SourceNames {
    return {
      device: id => (id >= FIRST_STRANGER ? this.strangers[id - FIRST_STRANGER] : names.device(id)),
      driver: id => names.driver(id),
      domain: id => names.domain(id),
      pool: id => names.pool(id),
      task: pid => names.task(pid),
      stack: id => names.stack(id),
      locate: position => (position < -1 ? this.locate(position) : names.locate(position)),
    };
  }

  private locate(position: number): EventLocation | undefined {
    const line = FIRST_POSITION - position;
    const offset = this.dmesg.lines[line - 1]?.offset;
    return offset === undefined ? undefined : { file: this.dmesg.file, offset, line };
  }
}

import type { KernelEvents } from '../kernel/events.ts';
import { newMoment } from '../kernel/moment.ts';
import { type Capabilities, noCapabilities } from '../kernel/source.ts';
import { bindEvent, callEvidence, showsDomainLifetime } from './bindings/bind.ts';
import type { BindingContext } from './bindings/context.ts';
import { IommuCalls } from './bindings/iommu-calls.ts';
import { openTraceDat } from './dat/open.ts';
import { Positions } from './dat/positions.ts';
import type { Gap, TraceDat } from './dat/trace-dat.ts';
import { type EventFormat, type FormatText, parseEventFormat } from './events/event-format.ts';
import type { EventHandler } from './events/raw-event.ts';
import { type WalkResult, walkEvents } from './events/walk.ts';
import { Symbols } from './names/symbols.ts';
import { TraceNames } from './names/trace-names.ts';

/** Called with the bytes of event data read so far, and with their sum. */
export type Progress = (done: number, total: number) => void;

/** A recorded trace as a source of {@link KernelEvents}. */
export class TraceSource {
  readonly trace: TraceDat;
  readonly names: TraceNames;
  /** What the events have shown; complete after {@link run}. */
  readonly capabilities: Capabilities = noCapabilities();
  private readonly positions: Positions;
  private readonly formatsById: ReadonlyMap<number, FormatText>;

  private constructor(trace: TraceDat) {
    this.trace = trace;
    this.positions = new Positions(trace.file.name);
    this.names = new TraceNames(new Symbols(trace.kallsyms), trace.commandNames, this.positions);
    this.formatsById = new Map(trace.formats.map(format => [format.id, format]));
  }

  /** @throws {@link TraceError} for a file that is no trace.dat or ends before its event data */
  static async open(path: string): Promise<TraceSource> {
    return new TraceSource(await openTraceDat(path));
  }

  /** Parts of the file that could not be read; complete after {@link run}. */
  get gaps(): readonly Gap[] {
    return this.trace.gaps;
  }

  /** `sizeof(long)` of the recorded kernel, as its page header tells. */
  get longSize(): number {
    return this.trace.layout.commitSize;
  }

  /** The format of the events with this `common_type`. */
  format(id: number): EventFormat | undefined {
    const text = this.formatsById.get(id);
    return text && parseEventFormat(text);
  }

  /** Plays all events in the order of their time. May be called once. */
  run(sink: KernelEvents, progress?: Progress): WalkResult {
    const formats = [...this.formatsThatMayMatter()];
    this.capabilities.hasDomainLifetime = showsDomainLifetime(formats);
    const calls = new IommuCalls(sink, callEvidence(formats));
    const context: BindingContext = {
      sink,
      names: this.names,
      calls,
      at: newMoment(),
      longSize: this.longSize,
      seen: this.capabilities,
    };
    const result = this.walk(
      id => {
        const format = this.format(id);
        return format && bindEvent(format, context);
      },
      sink,
      progress,
    );
    calls.finish();
    return result;
  }

  /** Walks all events without binding them: for statistics and for tools of one's own. */
  walk(
    handlerFor: (id: number) => EventHandler | undefined,
    loss: Pick<KernelEvents, 'eventsLost'>,
    progress?: Progress,
  ): WalkResult {
    return walkEvents(this.trace, this.positions, name => this.formatNamed(name), this.longSize, {
      handlerFor,
      eventsLost: (cpu, count, sinceNs, untilNs) => loss.eventsLost(cpu, count, sinceNs, untilNs),
      ...(progress ? { progress } : {}),
    });
  }

  close(): void {
    this.trace.file.close();
  }

  private formatNamed(name: string): EventFormat | undefined {
    const text = this.trace.formats.find(format => format.name === name);
    return text && parseEventFormat(text);
  }

  /** `iommu:*` and the probes: the only formats that say how a call can be seen to end. */
  private *formatsThatMayMatter(): Generator<EventFormat> {
    for (const format of this.trace.formats) {
      if (format.system === 'iommu' || format.text.includes('__probe_')) yield parseEventFormat(format);
    }
  }
}

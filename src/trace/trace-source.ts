import type { KernelEvents } from '../kernel/events.ts';
import { type Capabilities, noCapabilities } from '../kernel/source.ts';
import { Binder } from './bindings/binder.ts';
import { clockNotes } from './dat/clock-notes.ts';
import { MarkedLosses } from './dat/marked-losses.ts';
import { fileForm, openTraceDat } from './dat/open.ts';
import { Positions } from './dat/positions.ts';
import type { TraceDat } from './dat/trace-dat.ts';
import { type EventFormat, type FormatText, parseEventFormat } from './events/event-format.ts';
import type { EventHandler } from './events/raw-event.ts';
import { scaledListener, scaledResult, timeScaleOf } from './events/time-scale.ts';
import { type WalkListener, type WalkResult, walkEvents } from './events/walk.ts';
import { Symbols } from './names/symbols.ts';
import { TraceNames } from './names/trace-names.ts';
import { type Gap, inContainer, type Progress, type Source, type SourceDescription } from './source.ts';
import { TraceError } from './trace-error.ts';

/** Walks the events of a trace, as {@link walkEvents} does. */
export type Walker = typeof walkEvents;

/** The pages of a ring buffer, recorded by CPU, as a source: a trace.dat, or a directory of raw dumps. */
export class TraceSource implements Source {
  readonly records = 'sub-buffers';
  readonly trace: TraceDat;
  readonly names: TraceNames;
  /** What the events have shown; complete after {@link run}. */
  readonly capabilities: Capabilities = noCapabilities();
  private readonly container: string | undefined;
  private said: readonly string[] = [];
  private readonly positions: Positions;
  private readonly symbols: Symbols;
  private readonly formatsById: ReadonlyMap<number, FormatText>;
  /** Those that were asked for. */
  private readonly formats = new Map<FormatText, EventFormat>();

  private constructor(trace: TraceDat, container?: string) {
    this.container = container;
    this.trace = trace;
    this.positions = new Positions(trace.name ?? trace.file.name);
    this.symbols = new Symbols(trace.kallsyms);
    this.names = new TraceNames(this.symbols, trace.commandNames, this.positions);
    this.formatsById = new Map(trace.formats.map(format => [format.id, format]));
  }

  /** @throws {@link TraceError} for a file that is no trace.dat or ends before its event data */
  static async open(path: string): Promise<TraceSource> {
    const trace = await openTraceDat(path);
    if (trace.text) {
      trace.file.close();
      throw new TraceError(
        trace.file.name,
        'holds the text of a latency tracer, not events; openSource() reads it',
      );
    }
    return new TraceSource(trace);
  }

  /** @param container what the whole file was compressed by */
  static of(trace: TraceDat, container?: string): TraceSource {
    return new TraceSource(trace, container);
  }

  get description(): SourceDescription {
    const { file, name, form, version, compression, uname, pageSize, buffers } = this.trace;
    const format = form ?? fileForm(version, compression);
    return {
      files: [name ?? file.name],
      format: inContainer(format, this.container),
      uname,
      pageSize,
      buffers: buffers.map(buffer => ({
        name: buffer.name,
        clock: buffer.clock,
        cpus: buffer.cpus.map(({ cpu }) => cpu),
      })),
    };
  }

  /** Complete after {@link run}. */
  get notes(): readonly string[] {
    return [...this.trace.notes, ...clockNotes(this.trace), ...this.said];
  }

  get whyNameless(): string {
    return this.names.symbols.isEmpty
      ? 'The trace holds no kernel symbols: stacks are shown as addresses.'
      : 'Some frames have no symbol: trace-cmd saves the symbols when the recording ends, and the module of these frames was unloaded by then. Keep it loaded until the end to see their names.';
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
    return text && this.parsed(text);
  }

  /**
   * Plays all events in the order of their time. May be called once.
   *
   * @param walkerFor another way to walk them
   */
  run(sink: KernelEvents, progress?: Progress, walkerFor?: (binder: Binder) => Walker): WalkResult {
    const binder = new Binder(sink, this.names, this.capabilities, this.longSize, this.trace.pageSize);
    binder.expect([...this.formatsThatMayMatter()]);
    const marked = new MarkedLosses(binder);
    for (const { cpu, droppedEvents } of this.trace.statistics) marked.dropped(cpu, droppedEvents);
    const result = this.walk(
      id => {
        const format = this.format(id);
        return format && binder.handlerFor(format);
      },
      marked,
      progress,
      walkerFor?.(binder),
    );
    for (const { cpu, overrun } of this.trace.statistics) marked.overrun(cpu, overrun);
    binder.finish();
    this.said = binder.notes;
    return result;
  }

  /** Walks all events without binding them: for statistics and for tools of one's own. */
  walk(
    handlerFor: (id: number) => EventHandler | undefined,
    loss: Pick<KernelEvents, 'eventsLost'>,
    progress?: Progress,
    walker: Walker = walkEvents,
  ): WalkResult {
    const listener: WalkListener = {
      handlerFor,
      eventsLost: (cpu, count, sinceNs, untilNs) => loss.eventsLost(cpu, count, sinceNs, untilNs),
      ...(progress ? { progress } : {}),
    };
    const scale = timeScaleOf(this.trace);
    const walk = (told: WalkListener): WalkResult =>
      walker(this.trace, this.positions, name => this.formatNamed(name), this.longSize, told);
    return scale ? scaledResult(walk(scaledListener(listener, scale)), scale) : walk(listener);
  }

  close(): void {
    this.symbols.close();
    this.trace.close?.();
    this.trace.file.close();
  }

  private formatNamed(name: string): EventFormat | undefined {
    const text = this.trace.formats.find(format => format.name === name);
    return text && this.parsed(text);
  }

  private parsed(text: FormatText): EventFormat {
    let format = this.formats.get(text);
    if (!format) {
      format = parseEventFormat(text);
      this.formats.set(text, format);
    }
    return format;
  }

  /** `iommu:*` and the probes: the only formats that say how a call can be seen to end. */
  private *formatsThatMayMatter(): Generator<EventFormat> {
    for (const format of this.trace.formats) {
      if (format.system === 'iommu' || format.text.includes('__probe_')) yield this.parsed(format);
    }
  }
}

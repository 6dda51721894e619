import type { KernelEvents } from '../../kernel/events.ts';
import { type Capabilities, noCapabilities } from '../../kernel/source.ts';
import { Binder } from '../bindings/binder.ts';
import type { EventFormat } from '../events/event-format.ts';
import type { EventHandler } from '../events/raw-event.ts';
import type { BatchListener, BatchMemory } from '../events/record-batch.ts';
import type { WalkResult } from '../events/walk.ts';
import type { Input } from '../file/input.ts';
import { LearntSymbols } from '../names/learnt-symbols.ts';
import { TraceNames } from '../names/trace-names.ts';
import { type Gap, inContainer, type Progress, type Source, type SourceDescription } from '../source.ts';
import { TraceError } from '../trace-error.ts';
import { BatchDelivery } from './batch-delivery.ts';
import { BatchWriter } from './batch-writer.ts';
import { EventKinds } from './event-kinds.ts';
import { LineForms } from './line-forms.ts';
import { LineSplitter } from './line-splitter.ts';
import { LossScout } from './loss-scout.ts';
import { QuickLines } from './quick-lines.ts';
import { TextPositions } from './text-positions.ts';
import { TextReader } from './text-reader.ts';

/**
 * Bytes that the reader stays behind. The first of them are read twice, first for which events there are: how the end
 * of a call is seen must be known before the first call is judged.
 */
const LOOK_AHEAD_BYTES = 1 << 20;

/** Chunks that wait to be used again, at most. */
const MOST_SPARE = 4;

/** What a text does not say is assumed: the page size of nearly every kernel. */
const ASSUMED_PAGE_SIZE = 4096;

/** Kernel pointers are of 64 bits as far as a text can tell, which is by their digits. */
const LONG_SIZE = 8;

const WITHOUT_TIME_UNIT =
  'The times of this text are counts of a clock without a unit (trace_clock "counter", or a processor\'s own): the order of events holds, the times and durations in the report are counts.';
const RELATIVE_TIMES =
  'The times of this text (latency format) are microseconds since the trace began, not since boot.';
const WITHOUT_CONTEXT =
  'This text does not show whether an event happened in an interrupt (the option irq-info of tracefs, or trace-cmd report -l, adds it): what an interrupt did counts as done by the task that it interrupted.';
const CUT_STACKS =
  'trace-cmd report -R prints the first eight frames of a stack only: longer stacks were left out. Without -R they are whole, and their functions have names.';
const ASSUMPTIONS =
  'A text states neither its clock nor the page size of the kernel: events are taken in the order of the text, and pages of 4 KiB are assumed.';

/** What a source of text reads: an {@link Input}, or the text within a file of another form. */
export type TextInput = Pick<
  Input,
  'name' | 'container' | 'total' | 'consumed' | 'chunks' | 'damage' | 'close'
>;

/** What the file says beside its text, where the text is in a trace.dat. */
export interface TextSurroundings extends Pick<SourceDescription, 'uname' | 'pageSize'> {
  /** `trace.dat version 7 (zstd)` */
  readonly form: string;
  readonly clock: string;
  readonly commandNames: ReadonlyMap<number, string>;
  readonly notes: readonly string[];
  readonly gaps: readonly Gap[];
}

type HandlerFor = (id: number) => EventHandler | undefined;

/** Who hands the records of batches out: {@link BatchDelivery}, or somebody who does the same. */
export interface Delivery extends Pick<BatchDelivery, 'deliver' | 'countsById'> {
  /** Where it wants the batches to lie. */
  readonly memory?: BatchMemory;
}

function newDelivery(handlerFor: HandlerFor): Delivery {
  return new BatchDelivery(handlerFor);
}

/** What ftrace, trace-cmd report or perf script print, as a source. It is read as it comes, and nothing is kept. */
export class TextSource implements Source {
  readonly records = 'batches';
  readonly names: TraceNames;
  readonly capabilities: Capabilities = noCapabilities();
  readonly gaps: Gap[];
  readonly whyNameless =
    'Some frames have no symbol: the text prints their addresses only, because the kernel or trace-cmd had no name for them when it was written.';

  private readonly input: TextInput;
  private readonly around: TextSurroundings | undefined;
  private readonly symbols = new LearntSymbols();
  private readonly kinds = new EventKinds(this.symbols);
  private readonly forms = new LineForms();
  private readonly positions: TextPositions;
  private readonly commandNames: Map<number, string>;
  private reader: TextReader | undefined;
  /** What the recording says of itself. */
  private said: readonly string[] = [];

  constructor(input: TextInput, around?: TextSurroundings) {
    this.input = input;
    this.around = around;
    this.gaps = [...(around?.gaps ?? [])];
    this.commandNames = new Map(around?.commandNames);
    this.positions = new TextPositions(input.name);
    this.names = new TraceNames(this.symbols, this.commandNames, this.positions);
  }

  get description(): SourceDescription {
    const { input, reader, around } = this;
    const writer = reader?.isPerf ? 'perf script' : reader?.isTraceCmd ? 'trace-cmd report' : 'tracefs';
    return {
      files: [input.name],
      format: inContainer(`text of ${writer}${around ? ` in a ${around.form}` : ''}`, input.container),
      uname: around?.uname,
      pageSize: this.pageSize,
      buffers: [
        {
          name: '',
          clock: around?.clock ?? 'not stated',
          cpus: reader ? [...reader.tally.cpus.keys()].filter(cpu => reader.tally.cpus[cpu]) : [],
        },
      ],
    };
  }

  get notes(): readonly string[] {
    const { reader, around } = this;
    if (!reader) return around?.notes ?? [];
    const { timeStyles, overwritten } = reader;
    const { disordered, events } = reader.tally;
    const { guesses } = this.symbols;
    return [
      ...(around?.notes ?? []),
      ...(events > 0 && !around ? [ASSUMPTIONS] : []),
      ...(overwritten > 0
        ? [
            `${overwritten} events had been overwritten when the text was written: it begins later than the recording did.`,
          ]
        : []),
      ...(timeStyles.has('counts') ? [WITHOUT_TIME_UNIT] : []),
      ...(timeStyles.has('microseconds') ? [RELATIVE_TIMES] : []),
      ...(events > 0 && !reader.showsContext ? [WITHOUT_CONTEXT] : []),
      ...(disordered > 0
        ? [
            `${disordered} events are earlier than the one before them on the same CPU: the clock went back, or the text was put together of several.`,
          ]
        : []),
      ...(reader.cutStacks > 0 ? [CUT_STACKS] : []),
      ...(guesses.size > 0
        ? [
            `The text prints the functions of the probes as addresses. By their names and arguments they were taken for: ${[...guesses].join(', ')}.`,
          ]
        : []),
      ...this.said,
    ];
  }

  private get pageSize(): number {
    return this.around?.pageSize ?? ASSUMED_PAGE_SIZE;
  }

  format(id: number): EventFormat | undefined {
    return this.kinds.byId(id)?.format;
  }

  /** @param deliveryFor another way to hand the records of batches out */
  async run(
    sink: KernelEvents,
    progress?: Progress,
    deliveryFor?: (binder: Binder, handlerFor: HandlerFor) => Delivery,
  ): Promise<WalkResult> {
    const binder = new Binder(sink, this.names, this.capabilities, LONG_SIZE, this.pageSize);
    const result = await this.walk(
      id => {
        const format = this.format(id);
        if (!format) return undefined;
        binder.expect([format]);
        return binder.handlerFor(format);
      },
      binder,
      progress,
      () => binder.expect(this.kinds.all.map(kind => kind.format)),
      deliveryFor && (handlerFor => deliveryFor(binder, handlerFor)),
    );
    binder.finish();
    this.said = binder.notes;
    return result;
  }

  /**
   * Hands all events out, one at a time.
   *
   * @param surveyed called when the kinds of events in the beginning are known, before the first is handed out
   */
  async walk(
    handlerFor: (id: number) => EventHandler | undefined,
    loss: Pick<KernelEvents, 'eventsLost'>,
    progress?: Progress,
    surveyed?: () => void,
    deliveryFor: (handlerFor: HandlerFor) => Delivery = newDelivery,
  ): Promise<WalkResult> {
    const delivery = deliveryFor(handlerFor);
    const walked = await this.walkBatches(
      batch => delivery.deliver(batch),
      loss,
      progress,
      surveyed,
      delivery.memory,
    );
    return { ...walked, counts: this.kinds.together(delivery.countsById()) };
  }

  /** Hands all events out in batches, without counting them by their kind; see {@link walk}. */
  async walkBatches(
    listener: BatchListener,
    loss: Pick<KernelEvents, 'eventsLost'>,
    progress?: Progress,
    surveyed?: () => void,
    memory?: BatchMemory,
  ): Promise<Omit<WalkResult, 'counts'>> {
    const { input, kinds, symbols, positions, commandNames } = this;
    const batch = new BatchWriter(listener, memory);
    const reader = new TextReader(kinds, symbols, positions, commandNames, batch);
    this.reader = reader;
    const quick = new QuickLines(reader, batch, symbols, positions, this.forms);
    const splitter = new LineSplitter((bytes, start, end, offset) => quick.read(bytes, start, end, offset));
    const scout = new LossScout(
      (cpu, count, sinceNs, untilNs) => loss.eventsLost(cpu, count, sinceNs, untilNs),
      cpu => reader.tally.cpus[cpu]?.lastNs,
    );
    // The reader stays behind what was seen: marks of loss are known before what they cast doubt on.
    const ahead: Uint8Array[] = [];
    let aheadBytes = 0;
    let isSurveyed = false;
    const spare: Uint8Array[] = [];
    const readNext = (): void => {
      if (!isSurveyed) {
        isSurveyed = true;
        this.survey(ahead);
        surveyed?.();
      }
      const chunk = ahead.shift();
      if (!chunk) return;
      aheadBytes -= chunk.length;
      splitter.push(chunk);
      batch.deliver();
      if (spare.length < MOST_SPARE) spare.push(chunk);
    };
    for await (const chunk of input.chunks(spare)) {
      scout.push(chunk);
      ahead.push(chunk);
      aheadBytes += chunk.length;
      while (aheadBytes > LOOK_AHEAD_BYTES) readNext();
      progress?.(input.consumed(), input.total);
    }
    scout.finish();
    while (ahead.length > 0) readNext();
    splitter.finish();
    batch.finish();
    this.noteGaps(reader);
    const { tally } = reader;
    return {
      events: tally.events,
      perCpu: [...tally.cpus.entries()].flatMap(([cpu, state]) =>
        state
          ? [{ cpu, events: state.events, firstNs: state.firstNs, lastNs: state.lastNs, bytes: state.bytes }]
          : [],
      ),
      firstNs: tally.events === 0 ? 0 : tally.firstNs,
      lastNs: tally.lastNs,
    };
  }

  close(): void {
    this.input.close();
  }

  /** Reads the beginning for its kinds of events, their fields and the names of functions alone. */
  private survey(beginning: readonly Uint8Array[]): void {
    const { kinds, symbols, positions, commandNames } = this;
    const batch = new BatchWriter(() => undefined);
    const reader = new TextReader(kinds, symbols, positions, commandNames, batch);
    const quick = new QuickLines(reader, batch, symbols, positions, this.forms);
    const splitter = new LineSplitter((bytes, start, end, offset) => quick.read(bytes, start, end, offset));
    for (const chunk of beginning) splitter.push(chunk);
  }

  private noteGaps({ strange, firstStrange, firstStrangeOffset, tally: { events } }: TextReader): void {
    if (strange > 0 && events === 0) {
      throw new TraceError(
        this.input.name,
        `has no event in a form that is understood: line ${firstStrange} and ${strange - 1} more are something else. Print it without the options raw, hex and bin of tracefs, and with context-info`,
        firstStrangeOffset,
      );
    }
    if (strange > 0) {
      const others = strange === 1 ? '' : ` and ${strange - 1} more ${strange === 2 ? 'line' : 'lines'}`;
      this.gaps.push({
        offset: firstStrangeOffset,
        message: `line ${firstStrange}${others} could not be understood and ${strange === 1 ? 'was' : 'were'} skipped`,
      });
    }
    const damage = this.input.damage();
    if (damage) this.gaps.push({ offset: this.input.consumed(), message: damage.problem });
  }
}

import type { KernelEvents } from '../../kernel/events.ts';
import { executionContext } from '../../kernel/moment.ts';
import { type Capabilities, noCapabilities } from '../../kernel/source.ts';
import { Binder } from '../bindings/binder.ts';
import { isProbe } from '../bindings/probe-fields.ts';
import { guessFunction } from '../bindings/probe-guess.ts';
import { Positions } from '../dat/positions.ts';
import { type EventFormat, type FormatText, parseEventFormat } from '../events/event-format.ts';
import { findField, pointer, pointerReader } from '../events/field-reader.ts';
import { type EventHandler, newRawEvent } from '../events/raw-event.ts';
import type { CpuCounts, WalkResult } from '../events/walk.ts';
import { loadZstdStream, type ZstdStream } from '../file/containers.ts';
import type { InputFile } from '../file/input-file.ts';
import type { Importer } from '../importer.ts';
import { LearntSymbols } from '../names/learnt-symbols.ts';
import { TraceNames } from '../names/trace-names.ts';
import { type Gap, inContainer, type Progress, type Source, type SourceDescription } from '../source.ts';
import { TraceError } from '../trace-error.ts';
import { isPerfData, type PerfHeader, readPerfHeader } from './perf-header.ts';
import { PerfReader } from './perf-reader.ts';
import { PerfRecords } from './perf-records.ts';
import { SampleOrder } from './sample-order.ts';

/** perf writes frames and addresses of 64 bits, whatever the kernel has. */
const LONG_SIZE = 8;

/** `CLOCK_*` of include/uapi/linux/time.h by number. */
const CLOCKS: Readonly<Record<number, string>> = {
  0: 'realtime',
  1: 'mono',
  4: 'mono_raw',
  7: 'boot',
  11: 'tai',
};

/** The clock that perf takes where none is asked for. */
const PERF_CLOCK = 'perf';

const WITHOUT_SYMBOLS =
  'A perf.data holds no kernel symbols: stacks are shown as addresses, and findings are told apart without their functions. On the machine that it was recorded on, "perf script | iommusan check -" shows the names.';

/** Totals of one CPU. */
interface CpuState {
  events: number;
  bytes: number;
  firstNs: number;
  lastNs: number;
}

/** A perf.data, as `perf record -e iommu:* ...` writes it to a file or a pipe, as a source. */
export class PerfSource implements Source {
  readonly names: TraceNames;
  readonly capabilities: Capabilities = noCapabilities();
  readonly gaps: Gap[];
  readonly whyNameless = WITHOUT_SYMBOLS;

  private readonly file: InputFile;
  private readonly header: PerfHeader;
  private readonly container: string | undefined;
  private readonly zstd: ZstdStream | undefined;
  private readonly positions: Positions;
  private readonly symbols = new LearntSymbols();
  private readonly commandNames = new Map<number, string>();
  private readonly cpus = new Map<number, CpuState>();
  private formats: ReadonlyMap<number, FormatText> | undefined;
  private others = 0;
  /** What the recording says of itself. */
  private said: readonly string[] = [];
  private lostUnseen = 0;

  constructor(
    file: InputFile,
    header: PerfHeader,
    container: string | undefined,
    zstd: ZstdStream | undefined,
  ) {
    this.file = file;
    this.header = header;
    this.gaps = header.gaps;
    this.container = container;
    this.zstd = zstd;
    this.positions = new Positions(file.name);
    this.names = new TraceNames(this.symbols, this.commandNames, this.positions);
  }

  get description(): SourceDescription {
    const { header } = this;
    const [attr] = header.attrs;
    const kind = header.isPipe ? 'perf.data (pipe)' : header.isCompressed ? 'perf.data (zstd)' : 'perf.data';
    return {
      files: [this.file.name],
      format: inContainer(kind, this.container),
      uname:
        header.osRelease === undefined
          ? undefined
          : ['Linux', header.osRelease, header.arch].filter(Boolean).join(' '),
      pageSize: header.tracing?.pageSize ?? 4096,
      buffers: [
        {
          name: '',
          clock: attr?.clockId === undefined ? PERF_CLOCK : (CLOCKS[attr.clockId] ?? `clock ${attr.clockId}`),
          cpus: [...this.cpus.keys()].sort((a, b) => a - b),
        },
      ],
    };
  }

  get notes(): readonly string[] {
    const { guesses } = this.symbols;
    return [
      ...(guesses.size > 0
        ? [
            `A perf.data does not name the functions that probes sit on. By their names and arguments they were taken for: ${[...guesses].join(', ')}.`,
          ]
        : []),
      ...(this.lostUnseen > 0
        ? [
            `perf counted ${this.lostUnseen} lost samples more than the kernel told of, without when and where: they are listed as lost on CPU 0 at the end.`,
          ]
        : []),
      ...(this.others > 0
        ? [`${this.others} samples are of events that are no tracepoints, and were passed over.`]
        : []),
      ...this.said,
    ];
  }

  format(id: number): EventFormat | undefined {
    const { tracing } = this.header;
    this.formats ??= tracing && new Map(tracing.formats.map(format => [format.id, format]));
    const text = this.formats?.get(id);
    return text && parseEventFormat(text);
  }

  run(sink: KernelEvents, progress?: Progress): WalkResult {
    let binder: Binder | undefined;
    const result = this.walk(
      id => {
        // The formats of a stream are known when its first sample is.
        binder ??= this.newBinder(sink);
        const format = this.format(id);
        return format && this.bound(format, binder);
      },
      { eventsLost: (...gap) => (binder ?? sink).eventsLost(...gap) },
      progress,
    );
    binder?.finish();
    this.said = binder?.notes ?? [];
    return result;
  }

  walk(
    handlerFor: (id: number) => EventHandler | undefined,
    loss: Pick<KernelEvents, 'eventsLost'>,
    progress?: Progress,
  ): WalkResult {
    const { header, file } = this;
    const event = newRawEvent(header.littleEndian);
    const counts = new Map<number, number>();
    const handlers = new Map<number, EventHandler | undefined>();
    let events = 0;
    let firstNs = 0;
    let lastNs = 0;
    const order = new SampleOrder((samples, i) => {
      const chunk = samples.chunk[i];
      if (!chunk) return;
      const { view } = chunk;
      const timeNs = samples.timeNs[i] as number;
      const cpu = samples.cpu[i] as number;
      const raw = samples.raw[i] as number;
      const id = view.getUint16(raw, header.littleEndian);
      if (events++ === 0) firstNs = timeNs;
      lastNs = timeNs;
      counts.set(id, (counts.get(id) ?? 0) + 1);
      this.count(cpu, timeNs, samples.rawBytes[i] as number);
      if (!handlers.has(id)) handlers.set(id, handlerFor(id));
      const handler = handlers.get(id);
      if (!handler) return;
      event.view = view;
      event.words = chunk.words;
      event.payload = raw;
      event.payloadSize = samples.rawBytes[i] as number;
      event.timeNs = timeNs;
      event.cpu = cpu;
      event.flags = view.getUint8(raw + 2);
      event.pid = view.getInt32(raw + 4, header.littleEndian);
      event.context = executionContext(event.pid, cpu, event.flags);
      event.position = chunk.position + raw;
      event.stackWords = chunk.words;
      event.stackAt = samples.stack[i] as number;
      event.stackBytes = samples.stackBytes[i] as number;
      handler(event);
    });
    const seenNs = new Map<number, number>();
    const records = new PerfRecords(header, file.name, order, {
      lost: (cpu, count, timeNs) => {
        loss.eventsLost(cpu, count, seenNs.get(cpu) ?? Number.NEGATIVE_INFINITY, timeNs);
        seenNs.set(cpu, timeNs);
      },
      task: (tid, name) => this.commandNames.set(tid, name),
      sampled: (cpu, timeNs) => {
        seenNs.set(cpu, timeNs);
      },
    });
    new PerfReader(file, header, this.positions, records, this.gaps, progress).read(this.zstd);
    order.finish();
    this.others = records.others;
    this.lostUnseen = Math.max(0, records.lostSamples - records.lostTold);
    if (this.lostUnseen > 0) loss.eventsLost(0, this.lostUnseen, lastNs, Number.POSITIVE_INFINITY);
    if (records.damaged > 0) {
      this.gaps.push({
        offset: header.dataOffset,
        message: `${records.damaged} samples are too short for what they should hold and were skipped`,
      });
    }
    if (!header.tracing && events > 0) {
      throw new TraceError(
        file.name,
        'does not hold the formats of its events; record it with perf record -e iommu:* ...',
      );
    }
    return { events, counts, perCpu: this.countsByCpu(), firstNs, lastNs };
  }

  close(): void {
    this.file.close();
  }

  private newBinder(sink: KernelEvents): Binder {
    const { tracing } = this.header;
    const binder = new Binder(sink, this.names, this.capabilities, LONG_SIZE, tracing?.pageSize ?? 4096);
    binder.expect((tracing?.formats ?? []).map(parseEventFormat));
    return binder;
  }

  /** The handler of the bindings; that of a probe is told of the function that it probably sits on. */
  private bound(format: EventFormat, binder: Binder): EventHandler | undefined {
    const handler = binder.handlerFor(format);
    const place = isProbe(format) ? findField(format, '__probe_ip', '__probe_func') : undefined;
    const name = place && guessFunction(format);
    if (!handler || !place || name === undefined) return handler;
    const address = pointerReader(place);
    return event => {
      address(event);
      if (!this.symbols.isKnown(pointer.high, pointer.low))
        this.symbols.guess(pointer.high, pointer.low, name);
      handler(event);
    };
  }

  private count(cpu: number, timeNs: number, bytes: number): void {
    let state = this.cpus.get(cpu);
    if (!state) {
      state = { events: 0, bytes: 0, firstNs: timeNs, lastNs: timeNs };
      this.cpus.set(cpu, state);
    }
    state.events++;
    state.bytes += bytes;
    state.lastNs = timeNs;
  }

  private countsByCpu(): CpuCounts[] {
    return [...this.cpus].sort(([a], [b]) => a - b).map(([cpu, state]) => ({ cpu, ...state }));
  }
}

/** perf.data among the forms of input. */
export const perfImporter: Importer = {
  name: 'a perf.data',
  matches: isPerfData,
  async open(input) {
    const file = await input.file();
    try {
      const header = readPerfHeader(file);
      const damage = input.damage();
      if (damage) header.gaps.push({ offset: file.size, message: damage.problem });
      const zstd = header.isCompressed ? await loadZstdStream() : undefined;
      return new PerfSource(file, header, input.container, zstd);
    } catch (error) {
      file.close();
      throw input.damage() ?? error;
    }
  },
};

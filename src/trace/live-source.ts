import { endianness } from 'node:os';
import type { KernelEvents } from '../kernel/events.ts';
import { type Capabilities, noCapabilities } from '../kernel/source.ts';
import { Binder } from './bindings/binder.ts';
import { parseCommandNames, parseHeaderPage } from './dat/metadata.ts';
import { Positions } from './dat/positions.ts';
import {
  type EventFormat,
  type FormatText,
  parseEventFormat,
  readFormatHeader,
} from './events/event-format.ts';
import { LiveWalk } from './events/live-walk.ts';
import { Symbols } from './names/symbols.ts';
import { TraceNames } from './names/trace-names.ts';
import type { TraceDescription } from './write/description.ts';

/** What a live recording says of itself when it begins; its names are told later. */
export type LiveDescription = TraceDescription & { readonly headerPage: string };

/** The ring buffers of a running kernel as a source of {@link KernelEvents}: fed as they are read, played as they come. */
export class LiveSource {
  readonly names: TraceNames;
  /** What the events have shown so far. */
  readonly capabilities: Capabilities = noCapabilities();
  /** Sub-buffers that could not be read. */
  damaged = 0;
  private readonly commandNames = new Map<number, string>();
  private readonly description: LiveDescription;
  private binder: Binder | undefined;
  private walker: LiveWalk | undefined;

  constructor(description: LiveDescription) {
    this.description = description;
    this.names = new TraceNames(noSymbols(), this.commandNames, new Positions('tracefs'));
  }

  /** Says who is told of the events; before the first of them. */
  playTo(sink: KernelEvents): void {
    const { headerPage, pageSize, formats: texts } = this.description;
    const layout = parseHeaderPage(headerPage, 'tracefs');
    const formats = texts.flatMap(({ system, text }) => readFormatHeader(system, text) ?? []);
    const byId = new Map(formats.map(format => [format.id, format]));
    const binder = new Binder(
      sink,
      this.names,
      this.capabilities,
      layout.commitSize,
      pageSize ?? layout.subBufferSize,
    );
    binder.expect(formats.map(parseEventFormat));
    this.binder = binder;
    this.walker = new LiveWalk({
      layout,
      subBufferSize: layout.subBufferSize,
      littleEndian: endianness() === 'LE',
      formatOf: name => parsed(formats.find(format => format.name === name)),
      damaged: () => this.damaged++,
      listener: {
        handlerFor: id => {
          const format = parsed(byId.get(id));
          return format && binder.handlerFor(format);
        },
        eventsLost: (...gap) => binder.eventsLost(...gap),
      },
    });
  }

  /** What the recording has said of itself. */
  get notes(): readonly string[] {
    return this.binder?.notes ?? [];
  }

  get events(): number {
    return this.walker?.events ?? 0;
  }

  /** Time of the last event that was played. */
  get lastNs(): number {
    return this.walker?.lastNs ?? 0;
  }

  /** Takes the text of /proc/kallsyms, and again when modules have come. */
  setSymbols(kallsyms: Uint8Array): void {
    this.names.symbols = new Symbols({ all: () => kallsyms });
  }

  /** Takes a text as `saved_cmdlines` has it. */
  setCommandNames(text: string): void {
    for (const [pid, name] of parseCommandNames(Buffer.from(text, 'latin1')))
      this.commandNames.set(pid, name);
  }

  /** Takes whole sub-buffers of a CPU. */
  feed(cpu: number, subBuffers: Uint8Array): void {
    this.walker?.feed(cpu, subBuffers);
  }

  /** Plays the events before a time after which every CPU has been read twice. */
  play(untilNs: number): void {
    this.walker?.walk(untilNs);
  }

  /** At the end: plays what is left. */
  finish(): void {
    this.walker?.walk(Number.POSITIVE_INFINITY);
    this.binder?.finish();
  }
}

function parsed(format: FormatText | undefined): EventFormat | undefined {
  return format && parseEventFormat(format);
}

function noSymbols(): Symbols {
  return new Symbols({ all: () => new Uint8Array(0) });
}

import type { KernelEvents } from '../../kernel/events.ts';
import type { Capabilities } from '../../kernel/source.ts';
import type { EventFormat } from '../events/event-format.ts';
import type { EventHandler, RawEvent } from '../events/raw-event.ts';
import type { TraceNames } from '../names/trace-names.ts';
import { bindEvent, callEvidence, showsDomainLifetime } from './bind.ts';
import { type BindingContext, newBindingContext, stamp } from './context.ts';
import { IommuCalls } from './iommu-calls.ts';

/** Turns records into {@link KernelEvents}, whatever form of input they come from. */
export class Binder {
  readonly context: BindingContext;
  readonly calls: IommuCalls;

  /**
   * @param seen what the source can tell, which the events complete
   * @param longSize `sizeof(long)` of the recorded kernel
   * @param pageSize the recorded kernel's page size in bytes
   */
  constructor(sink: KernelEvents, names: TraceNames, seen: Capabilities, longSize: number, pageSize: number) {
    this.calls = new IommuCalls(sink);
    this.context = newBindingContext({ sink, names, calls: this.calls, longSize, seen, pageSize });
  }

  /** Tells of formats before their first record is bound: they say how a call can be seen to end. */
  expect(formats: readonly EventFormat[]): void {
    if (showsDomainLifetime(formats)) this.context.seen.hasDomainLifetime = true;
    this.calls.expect(callEvidence(formats));
  }

  /** What the recording has said of itself so far, see `marker.ts`. */
  get notes(): readonly string[] {
    return [...this.context.notes, ...this.calls.notes];
  }

  /** Gives a record the id of its stack. */
  stamp(event: RawEvent): void {
    stamp(this.context, event);
  }

  /** The handler for records of one kind; `undefined` for a kind that means nothing here. */
  handlerFor(format: EventFormat): EventHandler | undefined {
    return bindEvent(format, this.context);
  }

  /** Events are missing, see {@link KernelEvents.eventsLost}; to be told before what comes behind them. */
  eventsLost(cpu: number, count: number, sinceNs: number, untilNs: number): void {
    this.calls.eventsLost(untilNs);
    this.context.sink.eventsLost(cpu, count, sinceNs, untilNs);
  }

  /** At the end of the input: tells what was waiting for more. */
  finish(): void {
    this.calls.finish();
    this.context.loggedFaults.finish(this.context);
  }
}

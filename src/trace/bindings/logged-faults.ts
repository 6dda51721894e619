import { UNKNOWN } from '../../kernel/events.ts';
import { copyMoment, type Moment } from '../../kernel/moment.ts';
import { FaultLines, type LoggedFault } from '../kernel-log/fault-lines.ts';
import type { BindingContext } from './context.ts';

/** Tells of the faults in the kernel's log lines of a trace. */
export class LoggedFaults {
  private readonly lines = new FaultLines<Moment>();

  accept(context: BindingContext, at: Moment, line: string): void {
    for (const { fault, when } of this.lines.accept(line, () => copyMoment(at))) tell(context, when, fault);
  }

  /** At the end of the input. */
  finish(context: BindingContext): void {
    for (const { fault, when } of this.lines.finish()) tell(context, when, fault);
  }
}

function tell({ sink, seen, names }: BindingContext, at: Moment, fault: LoggedFault): void {
  seen.hasFaults = true;
  const device = fault.device === undefined ? UNKNOWN : names.devices.id(fault.device);
  sink.ioPageFault(at, device, fault.iova, fault.isWrite);
}

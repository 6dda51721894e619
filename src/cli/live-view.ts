import { createLogUpdate } from 'log-update';
import type { DeviceNow, LiveState } from '../live-check.ts';
import { printable } from '../report/printable.ts';
import { tableLines } from '../report/table.ts';
import { counted, formatCount, roughSize } from '../report/words.ts';
import type { Io } from './io.ts';

/** What is seen of a live check. */
export interface LiveView {
  /** A finding in full. */
  finding(text: string): void;
  notice(text: string): void;
  state(state: LiveState): void;
  close(): void;
}

/** Devices that are shown, the ones with the most mappings. */
const DEVICES_SHOWN = 12;

const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

/** Shows a table on a terminal, below what is printed; elsewhere a line now and then. */
export function newLiveView(io: Io, intervalMs: number, now = () => performance.now()): LiveView {
  const rates = new Rates(now);
  return io.stdout.isTTY === true ? onTerminal(io, rates) : inLines(io, rates, intervalMs, now);
}

function onTerminal(io: Io, rates: Rates): LiveView {
  const update = createLogUpdate(sized(io.stdout as NodeJS.WriteStream));
  let shown = '';
  const print = (text: string): void => {
    update.clear();
    io.stdout.write(text);
    if (shown !== '') update(shown);
  };
  return {
    finding: text => print(`${text}\n`),
    notice: text => print(`${text}\n`),
    state(state) {
      shown = stateText(state, rates.since(state));
      update(shown);
    },
    close: () => update.done(),
  };
}

/** A terminal that does not know its size, such as a serial console, is taken for one of the usual size. */
function sized(terminal: NodeJS.WriteStream): NodeJS.WriteStream {
  if (terminal.columns > 0 && terminal.rows > 0) return terminal;
  return new Proxy(terminal, {
    get(target, name) {
      if (name === 'columns') return USUAL_COLUMNS;
      if (name === 'rows') return USUAL_ROWS;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function inLines(io: Io, rates: Rates, intervalMs: number, now: () => number): LiveView {
  let last = now();
  let latest: LiveState | undefined;
  const line = (state: LiveState): void => {
    io.stdout.write(`${summary(state, rates.since(state))}\n`);
    last = now();
    latest = undefined;
  };
  return {
    finding: text => void io.stdout.write(`${text}\n`),
    notice: text => void io.stderr.write(`${text}\n`),
    state(state) {
      latest = state;
      if (now() - last >= intervalMs) line(state);
    },
    close() {
      if (latest) line(latest);
    },
  };
}

/** What happened per second since the state that was shown before. */
interface Rate {
  readonly events: number;
  maps(device: DeviceNow): number;
  unmaps(device: DeviceNow): number;
}

/** Seconds that a rate is measured over at least. */
const SHORTEST_SECONDS = 0.1;

class Rates {
  private readonly now: () => number;
  private at: number;
  private events = 0;
  private devices: readonly DeviceNow[] = [];

  constructor(now: () => number) {
    this.now = now;
    this.at = now();
  }

  since(state: LiveState): Rate {
    const seconds = (this.now() - this.at) / 1000;
    const perSecond = (number: number): number => (seconds < SHORTEST_SECONDS ? 0 : number / seconds);
    const { events, devices } = this;
    const earlier = ({ device }: DeviceNow): DeviceNow | undefined =>
      devices.find(other => other.device === device);
    this.at = this.now();
    this.events = state.events;
    this.devices = state.devices;
    return {
      events: perSecond(state.events - events),
      maps: device => perSecond(device.made - (earlier(device)?.made ?? 0)),
      unmaps: device => perSecond(device.ended - (earlier(device)?.ended ?? 0)),
    };
  }
}

/** One line: `1,234 events/s, 12 mappings of 48 KiB, nothing lost, 2 findings` */
function summary(state: LiveState, rate: Rate): string {
  const found = [...state.findings.values()].reduce((sum, count) => sum + count, 0);
  return [
    `${formatCount(Math.round(rate.events))} events/s`,
    `${counted(state.mappings, 'mapping')} of ${roughSize(state.bytes)}`,
    state.lost === 0 ? 'nothing lost' : `${counted(state.lost, 'event')} lost`,
    found === 0 ? 'no findings' : counted(found, 'finding'),
  ].join(', ');
}

const COLUMNS = [
  { title: 'device' },
  { title: 'driver' },
  { title: 'mappings', numeric: true },
  { title: 'mapped', numeric: true },
  { title: 'maps/s', numeric: true },
  { title: 'unmaps/s', numeric: true },
] as const;

/** The table of devices with the summary below it. */
function stateText(state: LiveState, rate: Rate): string {
  const rows = state.devices
    .slice(0, DEVICES_SHOWN)
    .map(device => [
      printable(device.device ?? 'unknown'),
      printable(device.driver ?? ''),
      formatCount(device.mappings),
      roughSize(device.bytes),
      formatCount(Math.round(rate.maps(device))),
      formatCount(Math.round(rate.unmaps(device))),
    ]);
  const more = state.devices.length - rows.length;
  return [
    ...tableLines(COLUMNS, rows),
    ...(more > 0 ? [`  and ${counted(more, 'more device')}`] : []),
    `  ${summary(state, rate)}`,
  ].join('\n');
}

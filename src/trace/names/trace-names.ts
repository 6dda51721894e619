import type { EventLocation, SourceNames, StackFrame } from '../../kernel/source.ts';
import { addressText } from './address.ts';
import { InternedPointers, InternedTexts } from './interned.ts';
import { InternedBytes } from './interned-bytes.ts';
import { StackTable } from './stack-table.ts';
import type { SymbolLookup } from './symbols.ts';

/** Turns the position of an event into its place in the input. */
export interface Locator {
  locate(position: number): EventLocation | undefined;
}

/** Everything of a trace that has a name, as small integers and back. */
export class TraceNames implements SourceNames {
  readonly devices = new InternedTexts();
  readonly drivers = new InternedTexts();
  readonly deviceBytes = new InternedBytes(this.devices);
  readonly driverBytes = new InternedBytes(this.drivers);
  readonly domains = new InternedPointers();
  readonly pools = new InternedPointers();
  readonly stacks = new StackTable();
  /** Replaced on a live kernel, when modules come. */
  symbols: SymbolLookup;
  private readonly commandNames: ReadonlyMap<number, string>;
  private readonly positions: Locator;

  constructor(symbols: SymbolLookup, commandNames: ReadonlyMap<number, string>, positions: Locator) {
    this.symbols = symbols;
    this.commandNames = commandNames;
    this.positions = positions;
  }

  device(id: number): string | undefined {
    return this.devices.text(id);
  }

  driver(id: number): string | undefined {
    return this.drivers.text(id);
  }

  domain(id: number): string | undefined {
    return this.domains.text(id);
  }

  pool(id: number): string | undefined {
    return this.pools.text(id);
  }

  task(pid: number): string {
    return pid === 0 ? '<idle>' : (this.commandNames.get(pid) ?? '<...>');
  }

  stack(id: number): readonly StackFrame[] {
    const frames: StackFrame[] = [];
    this.stacks.forEachFrame(id, (high, low) => frames.push(this.frame(high, low)));
    return frames;
  }

  locate(position: number): EventLocation | undefined {
    return this.positions.locate(position);
  }

  private frame(high: number, low: number): StackFrame {
    const address = addressText(high, low);
    const match = this.symbols.at(high, low);
    if (!match) return { address };
    return {
      ...(match.nameOnly ? {} : { address }),
      symbol: match.name,
      ...(match.offset === undefined ? {} : { offset: match.offset }),
      ...(match.size === undefined ? {} : { size: match.size }),
      ...(match.module === undefined ? {} : { module: match.module }),
    };
  }
}

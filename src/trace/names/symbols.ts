import type { KallsymsSource } from '../dat/trace-dat.ts';
import { signedAddress } from './address.ts';
import { lineAddress, parseLine, SortedLines, scanLines, startOfModules } from './kallsyms-text.ts';
import { PassingText } from './passing-text.ts';

/** A function that an address lies in, as far as it is known where. */
export interface FunctionPlace {
  readonly name: string;
  /** Bytes from the start of the function; `undefined` where a text has the name alone. */
  readonly offset: number | undefined;
  /** Bytes of the function, where known. */
  readonly size: number | undefined;
  /** `undefined` for the kernel itself. */
  readonly module: string | undefined;
  /** The address only stands for the name: a text that has none was read. */
  readonly nameOnly?: true;
}

/** A symbol and where in it an address is. */
export interface SymbolMatch extends FunctionPlace {
  /** Bytes from the start of the symbol. */
  readonly offset: number;
  /** Bytes to the next symbol; `undefined` for the last one. */
  readonly size: number | undefined;
  /** `undefined` for the kernel itself. */
  readonly module: string | undefined;
}

/** Finds the symbol that covers an address, wherever the symbols come from. */
export interface SymbolLookup {
  /** Whether there are no symbols at all. */
  readonly isEmpty: boolean;
  at(high: number, low: number): FunctionPlace | undefined;
}

/** Trampolines of ftrace and kprobes stand for a page each, with nothing known behind it. */
const TRAMPOLINE_MODULE = '__builtin__';
const LARGEST_TRAMPOLINE = 4096;

/** The smallest page that any kernel has. */
const PAGE = 4096;

/** No function is larger: an address further than this from its symbol belongs to something without one. */
const LARGEST_FUNCTION = 1 << 24;

/**
 * A symbol's line, and the address of the next symbol where there is one. Addresses are signed here, while the text
 * goes by unsigned ones: per-CPU symbols near 0 come before the kernel's, which are negative.
 */
interface Hit {
  readonly start: number;
  readonly line: number;
  readonly next: number | undefined;
  /** The line of the next symbol, where it is of a module. */
  readonly nextLine?: number;
}

/** Finds the symbol at or below an address. */
type Finder = (high: number, low: number) => Hit | undefined;

/** A text of symbols, and how to search it. */
interface Table {
  readonly text: Uint8Array;
  readonly finders: readonly Finder[];
}

/**
 * The symbols of a recorded kernel, from `/proc/kallsyms` text. It has some 200,000 lines, of which a report needs a
 * hundred: the kernel's own symbols come sorted and are searched in the text as it is, only those of modules are
 * scanned. The text is read at the first look-up, and only as far as that needs: a trace without findings asks for the
 * functions of its probes, which lie close together.
 */
export class Symbols implements SymbolLookup {
  private readonly source: KallsymsSource;
  private readonly room: number | undefined;
  private passing: PassingText | undefined;
  private all: Table | undefined;
  private readonly cache = new Map<number, SymbolMatch | undefined>();

  /** @param room bytes of the text that are kept while it passes; given by tests */
  constructor(source: KallsymsSource, room?: number) {
    this.source = source;
    this.room = room;
  }

  /** Whether the trace has no symbols. */
  get isEmpty(): boolean {
    return this.whole().text.length === 0;
  }

  /** The symbol that covers an address given as two 32-bit halves. */
  at(high: number, low: number): SymbolMatch | undefined {
    const address = signedAddress(high, low);
    const cached = this.cache.get(address);
    if (cached || this.cache.has(address)) return cached;
    const match = this.find(high, low, address);
    this.cache.set(address, match);
    return match;
  }

  private find(high: number, low: number, address: number): SymbolMatch | undefined {
    const part = this.part(high, low);
    const match = part && search(part, high, low, address);
    // With a symbol above it in the same part, the address belongs to no other part.
    if (match?.size !== undefined) return match;
    return search(this.whole(), high, low, address);
  }

  /** Lets go of what is kept for further look-ups. */
  close(): void {
    this.passing?.end();
  }

  /** The part of the text that an address lies in; `undefined` where all of it is there, or is needed. */
  private part(high: number, low: number): Table | undefined {
    if (this.all || !this.source.pieces) return undefined;
    this.passing ??= new PassingText(this.source.pieces(), this.room);
    const text = this.passing.around(high, low);
    return text && { text, finders: [ownSymbols(text, new SortedLines(text, 0, text.length))] };
  }

  private whole(): Table {
    if (!this.all) {
      this.passing?.end();
      this.passing = undefined;
      const text = this.source.all();
      this.all = { text, finders: findersOf(text) };
    }
    return this.all;
  }
}

function search(
  { text, finders }: Table,
  high: number,
  low: number,
  address: number,
): SymbolMatch | undefined {
  let best: Hit | undefined;
  let next: number | undefined;
  for (const finder of finders) {
    const hit = finder(high, low);
    if (!hit) continue;
    if (!best || hit.start > best.start) best = hit;
    const above = hit.next !== undefined && hit.next > address ? hit.next : undefined;
    if (above !== undefined && (next === undefined || above < next)) next = above;
  }
  if (!best || best.line < 0 || address - best.start > LARGEST_FUNCTION) return undefined;
  const { name, module } = parseLine(text, best.line);
  if (module !== undefined && isBehindModule(text, best, module, address)) return undefined;
  if (module?.startsWith(TRAMPOLINE_MODULE) && address - best.start >= LARGEST_TRAMPOLINE) return undefined;
  return {
    name,
    module,
    offset: address - best.start,
    size: next === undefined || next - best.start > LARGEST_FUNCTION ? undefined : next - best.start,
  };
}

/**
 * Whether an address lies behind the last symbol of a module and so may belong to one that was unloaded: at other
 * addresses in each boot, so that any name would be another each time. A page that no code is in follows the text of a
 * module (the guard page of `vmalloc()`), so what is up to the end of the next page is the module's own.
 */
function isBehindModule(
  text: Uint8Array,
  { start, nextLine }: Hit,
  module: string,
  address: number,
): boolean {
  if (nextLine !== undefined && parseLine(text, nextLine).module === module) {
    if (lineAddress(text, nextLine) - start <= LARGEST_FUNCTION) return false;
  }
  return address >= (Math.floor(start / PAGE) + 2) * PAGE;
}

function findersOf(text: Uint8Array): Finder[] {
  const modules = startOfModules(text);
  const kernel = new SortedLines(text, 0, modules);
  if (!kernel.looksSorted()) return [scanned(text, 0, text.length)];
  const own = ownSymbols(text, kernel);
  return modules === text.length ? [own] : [own, scanned(text, modules, text.length)];
}

function ownSymbols(text: Uint8Array, lines: SortedLines): Finder {
  return (high, low) => {
    const line = lines.floor(high, low);
    const start = line < 0 ? Number.POSITIVE_INFINITY : lineAddress(text, line);
    const above = line < 0 ? lines.first() : lines.above(line);
    const next = above < 0 ? undefined : lineAddress(text, above);
    // Between the per-CPU symbols and the kernel's lies the sign: what is below there is not near.
    if (start > signedAddress(high, low)) return { start: Number.NEGATIVE_INFINITY, line: -1, next };
    return { start, line, next };
  };
}

function scanned(text: Uint8Array, start: number, end: number): Finder {
  const { addresses, lines } = scanLines(text, start, end);
  return (high, low) => {
    const address = signedAddress(high, low);
    let below = -1;
    let above = addresses.length;
    while (above - below > 1) {
      const middle = (below + above) >>> 1;
      if ((addresses[middle] as number) <= address) below = middle;
      else above = middle;
    }
    const next = above < addresses.length ? (addresses[above] as number) : undefined;
    if (below < 0)
      return next === undefined ? undefined : { start: Number.NEGATIVE_INFINITY, line: -1, next };
    const found = addresses[below] as number;
    while (below > 0 && addresses[below - 1] === found) below--;
    const nextLine = lines[above];
    return {
      start: found,
      line: lines[below] as number,
      next,
      ...(nextLine === undefined ? {} : { nextLine }),
    };
  };
}

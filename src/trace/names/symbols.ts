import { signedAddress } from './address.ts';
import { lineAddress, parseLine, SortedLines, scanLines, startOfModules } from './kallsyms-text.ts';

/** A symbol and where in it an address is. */
export interface SymbolMatch {
  readonly name: string;
  /** Bytes from the start of the symbol. */
  readonly offset: number;
  /** Bytes to the next symbol; `undefined` for the last one. */
  readonly size: number | undefined;
  /** `undefined` for the kernel itself. */
  readonly module: string | undefined;
}

/** Trampolines of ftrace and kprobes stand for a page each, with nothing known behind it. */
const TRAMPOLINE_MODULE = '__builtin__';
const LARGEST_TRAMPOLINE = 4096;

/** No function is larger: an address further than this from its symbol belongs to something without one. */
const LARGEST_FUNCTION = 1 << 24;

/** A symbol's line, and the address of the next symbol where there is one. */
interface Hit {
  readonly start: number;
  readonly line: number;
  readonly next: number | undefined;
}

/** Finds the symbol at or below an address. */
type Finder = (high: number, low: number) => Hit | undefined;

/**
 * The symbols of a recorded kernel, from `/proc/kallsyms` text. It has some 200,000 lines, of which a report needs a
 * hundred: the kernel's own symbols come sorted and are searched in the text as it is, only those of modules are
 * scanned. The text is asked for at the first look-up.
 */
export class Symbols {
  private readonly text: () => Uint8Array;
  private finders: readonly Finder[] | undefined;
  private readonly cache = new Map<number, SymbolMatch | undefined>();

  constructor(text: () => Uint8Array) {
    this.text = text;
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
    this.finders ??= findersOf(this.text());
    let best: Hit | undefined;
    let next: number | undefined;
    for (const finder of this.finders) {
      const hit = finder(high, low);
      if (!hit) continue;
      if (!best || hit.start > best.start) best = hit;
      if (hit.next !== undefined && (next === undefined || hit.next < next)) next = hit.next;
    }
    if (!best || best.line < 0 || address - best.start > LARGEST_FUNCTION) return undefined;
    const { name, module } = parseLine(this.text(), best.line);
    if (module?.startsWith(TRAMPOLINE_MODULE) && address - best.start >= LARGEST_TRAMPOLINE) return undefined;
    return {
      name,
      module,
      offset: address - best.start,
      size: next === undefined || next - best.start > LARGEST_FUNCTION ? undefined : next - best.start,
    };
  }
}

function findersOf(text: Uint8Array): Finder[] {
  const modules = startOfModules(text);
  const kernel = new SortedLines(text, 0, modules);
  if (!kernel.looksSorted()) return [scanned(text, 0, text.length)];
  const own: Finder = (high, low) => {
    const line = kernel.floor(high, low);
    if (line < 0) return undefined;
    const next = kernel.above(line);
    return {
      start: lineAddress(text, line),
      line,
      next: next < 0 ? undefined : lineAddress(text, next),
    };
  };
  return modules === text.length ? [own] : [own, scanned(text, modules, text.length)];
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
    return { start: found, line: lines[below] as number, next };
  };
}

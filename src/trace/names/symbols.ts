import { signedAddress } from './address.ts';

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

interface SymbolTable {
  /** Ascending, see {@link signedAddress}. */
  readonly addresses: Float64Array;
  /** Offset in the text of each symbol's line. */
  readonly lines: Uint32Array;
}

const NEWLINE = 10;
const TAB = 9;
const latin1 = new TextDecoder('latin1');

/** Trampolines of ftrace and kprobes stand for a page each, with nothing known behind it. */
const TRAMPOLINE_MODULE = '__builtin__';
const LARGEST_TRAMPOLINE = 4096;

/** No function is larger: an address further than this from its symbol belongs to something without one. */
const LARGEST_FUNCTION = 1 << 24;

/**
 * The symbols of a recorded kernel, from `/proc/kallsyms` text (`ADDRESS TYPE NAME[\t[MODULE]]` a line). The text
 * has some 200,000 lines: it is asked for at the first look-up, scanned once for addresses, and names are cut out
 * of it only when they are wanted.
 */
export class Symbols {
  private readonly text: () => Uint8Array;
  private table: SymbolTable | undefined;
  private readonly cache = new Map<number, SymbolMatch | undefined>();

  constructor(text: () => Uint8Array) {
    this.text = text;
  }

  /** The symbol that covers an address given as two 32-bit halves. */
  at(high: number, low: number): SymbolMatch | undefined {
    const address = signedAddress(high, low);
    const cached = this.cache.get(address);
    if (cached || this.cache.has(address)) return cached;
    const match = this.find(address);
    this.cache.set(address, match);
    return match;
  }

  /** How many symbols the trace has. */
  get count(): number {
    return this.load().addresses.length;
  }

  private load(): SymbolTable {
    this.table ??= scan(this.text());
    return this.table;
  }

  private find(address: number): SymbolMatch | undefined {
    const { addresses, lines } = this.load();
    let low = -1;
    let high = addresses.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((addresses[middle] as number) <= address) low = middle;
      else high = middle;
    }
    if (low < 0) return undefined;
    const start = addresses[low] as number;
    if (address - start > LARGEST_FUNCTION) return undefined;
    // Aliases share an address: the first of them in the file is the usual name.
    while (low > 0 && addresses[low - 1] === start) low--;
    const next = high < addresses.length ? (addresses[high] as number) : undefined;
    const { name, module } = this.lineAt(lines[low] as number);
    if (module?.startsWith(TRAMPOLINE_MODULE) && address - start >= LARGEST_TRAMPOLINE) return undefined;
    return {
      name,
      module,
      offset: address - start,
      size: next === undefined || next - start > LARGEST_FUNCTION ? undefined : next - start,
    };
  }

  private lineAt(offset: number): { name: string; module: string | undefined } {
    const text = this.text();
    const newline = text.indexOf(NEWLINE, offset);
    const line = latin1.decode(text.subarray(offset, newline < 0 ? text.length : newline));
    const nameStart = line.indexOf(' ', line.indexOf(' ') + 1) + 1;
    const tab = line.indexOf('\t', nameStart);
    if (tab < 0) return { name: line.slice(nameStart), module: undefined };
    return { name: line.slice(nameStart, tab), module: /\[([^\]]+)\]/.exec(line.slice(tab))?.[1] };
  }
}

/** Finds address and line of each symbol that can be code; data symbols only bound the size of the one before. */
function scan(text: Uint8Array): SymbolTable {
  let capacity = 1024;
  let addresses = new Float64Array(capacity);
  let lines = new Uint32Array(capacity);
  let count = 0;
  let ascending = true;
  for (let at = 0; at < text.length; ) {
    const line = at;
    let high = 0;
    let low = 0;
    let digits = 0;
    for (; at < text.length; at++) {
      const digit = hexDigit(text[at] as number);
      if (digit < 0) break;
      high = (high << 4) | (low >>> 28);
      low = ((low << 4) | digit) >>> 0;
      digits++;
    }
    const newline = text.indexOf(NEWLINE, at);
    const usable = digits > 0 && text[at] === 0x20 && text[at + 2] === 0x20 && text[at + 3] !== TAB;
    at = newline < 0 ? text.length : newline + 1;
    if (!usable) continue;
    if (count === capacity) {
      capacity *= 2;
      const moreAddresses = new Float64Array(capacity);
      moreAddresses.set(addresses);
      addresses = moreAddresses;
      const moreLines = new Uint32Array(capacity);
      moreLines.set(lines);
      lines = moreLines;
    }
    const address = signedAddress(high, low);
    if (count > 0 && address < (addresses[count - 1] as number)) ascending = false;
    addresses[count] = address;
    lines[count] = line;
    count++;
  }
  addresses = addresses.subarray(0, count);
  lines = lines.subarray(0, count);
  // The kernel's own symbols come sorted, those of modules behind them in the order of loading.
  return ascending ? { addresses, lines } : sort(addresses, lines);
}

function sort(addresses: Float64Array, lines: Uint32Array): SymbolTable {
  const order = Uint32Array.from(addresses.keys()).sort(
    (a, b) => (addresses[a] as number) - (addresses[b] as number) || a - b,
  );
  return {
    addresses: Float64Array.from(order, i => addresses[i] as number),
    lines: Uint32Array.from(order, i => lines[i] as number),
  };
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  return -1;
}

import type { StackFrame } from '../../kernel/source.ts';

/** Where symbols get their place whose address nobody knows: above all of the kernel's own text and modules. */
const MADE_UP = 0xffff_ffff_ff00_0000n;
/** Bytes from one such symbol to the next, where its size is not known. */
const MADE_UP_SIZE = 0x1000n;

interface Symbol {
  readonly name: string;
  readonly module: string | undefined;
  size: bigint | undefined;
}

/**
 * The symbols of a trace that is being written: as many as its stacks and probes name. A frame without an address (a
 * text has names only) gets one, so that it has its name again when the trace is read.
 */
export class SymbolBook {
  private readonly byAddress = new Map<bigint, Symbol>();
  private readonly madeUp = new Map<string, bigint>();
  private next = MADE_UP;

  /** The address of a frame, and its symbol noted. */
  addressOf({ address, symbol, offset = 0, size, module }: StackFrame): bigint {
    if (symbol === undefined) return address === undefined ? 0n : BigInt(address);
    const start =
      address === undefined
        ? this.place(symbol, module, size ?? offset + 1)
        : BigInt(address) - BigInt(offset);
    const known = this.byAddress.get(start);
    if (!known)
      this.byAddress.set(start, {
        name: symbol,
        module,
        size: size === undefined ? undefined : BigInt(size),
      });
    else if (known.size === undefined && size !== undefined) known.size = BigInt(size);
    return start + BigInt(offset);
  }

  /** The address of a function that a probe sits on. */
  functionAddress(symbol: string): bigint {
    return this.addressOf({ symbol });
  }

  /** `/proc/kallsyms`: the kernel's own symbols in order, then those of modules. */
  kallsyms(): string {
    const symbols = new Map(this.byAddress);
    for (const [start, { size, module, name }] of this.byAddress) {
      // A reader takes a function to reach to the next symbol.
      if (size === undefined || symbols.has(start + size)) continue;
      symbols.set(start + size, { name: `__end_of_${name}`, module, size: undefined });
    }
    const lines = [...symbols].sort(([a], [b]) => (a < b ? -1 : 1));
    const line = ([start, { name, module }]: readonly [bigint, Symbol]): string =>
      `${start.toString(16).padStart(16, '0')} t ${name}${module === undefined ? '' : `\t[${module}]`}\n`;
    const own = lines.filter(([, { module }]) => module === undefined);
    const ofModules = lines.filter(([, { module }]) => module !== undefined);
    return [...own, ...ofModules].map(line).join('');
  }

  private place(symbol: string, module: string | undefined, size: number): bigint {
    const key = `${symbol} ${module ?? ''}`;
    let start = this.madeUp.get(key);
    if (start === undefined) {
      start = this.next;
      this.madeUp.set(key, start);
      this.next += (BigInt(size) / MADE_UP_SIZE + 1n) * MADE_UP_SIZE;
    }
    return start;
  }
}

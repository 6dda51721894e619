import type { StackFrame } from '../../kernel/source.ts';

/** Bytes between the functions of the simulated kernel, and how far into one its call lies. */
const FUNCTION_SIZE = 0x1000;
const CALL_OFFSET = 0x20;
/** `_text` of an x86-64 kernel without KASLR, and where its modules begin. */
const KERNEL_TEXT = 0xffffffff81000000;
const MODULE_TEXT = 0xffffffffc0000000;

/** A function of the simulated kernel, as /proc/kallsyms lists it. */
export interface KernelSymbol {
  readonly name: string;
  readonly module: string | undefined;
  /** Last 32 bits of its address; the first are all ones. */
  readonly addressLow: number;
}

/**
 * Kernel stacks as a tree: a stack is its innermost frame and the stack that called it, so that entering a function
 * costs one look. Ids are those of `SourceNames.stack`; 0 is the empty stack.
 */
export class StackTree {
  readonly symbols: KernelSymbol[] = [];
  private readonly symbolIds = new Map<string, number>();
  /** Symbol and calling stack of each stack. */
  private readonly symbolOf: number[] = [-1];
  private readonly callerOf: number[] = [0];
  private readonly callees: Map<number, number>[] = [new Map()];

  /** The number of a function, for {@link enter}; `name` is `e1000_open[e1000e]` where a module has it. */
  symbol(name: string): number {
    const known = this.symbolIds.get(name);
    if (known !== undefined) return known;
    const id = this.symbols.length;
    const [, bare = name, module] = /^([^[]+)\[(.+)\]$/.exec(name) ?? [];
    const base = module === undefined ? KERNEL_TEXT : MODULE_TEXT;
    this.symbols.push({ name: bare, module, addressLow: (base % 2 ** 32) + id * FUNCTION_SIZE });
    this.symbolIds.set(name, id);
    return id;
  }

  /** The stack in which `caller` has called the function. */
  enter(caller: number, symbol: number): number {
    const callees = this.callees[caller] as Map<number, number>;
    const known = callees.get(symbol);
    if (known !== undefined) return known;
    const id = this.symbolOf.length;
    this.symbolOf.push(symbol);
    this.callerOf.push(caller);
    this.callees.push(new Map());
    callees.set(symbol, id);
    return id;
  }

  /** Last 32 bits of the return addresses, innermost first. */
  addressesLow(stack: number): number[] {
    return this.symbolsOf(stack).map(({ addressLow }) => addressLow + CALL_OFFSET);
  }

  frames(stack: number): StackFrame[] {
    return this.symbolsOf(stack).map(({ name, module, addressLow }) => ({
      address: `0xffffffff${(addressLow + CALL_OFFSET).toString(16).padStart(8, '0')}`,
      symbol: name,
      offset: CALL_OFFSET,
      size: FUNCTION_SIZE,
      ...(module === undefined ? {} : { module }),
    }));
  }

  private symbolsOf(stack: number): KernelSymbol[] {
    const symbols: KernelSymbol[] = [];
    for (let at = stack; at !== 0; at = this.callerOf[at] as number) {
      symbols.push(this.symbols[this.symbolOf[at] as number] as KernelSymbol);
    }
    return symbols;
  }
}

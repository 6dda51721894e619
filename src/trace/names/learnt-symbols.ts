import { latin1 } from '../file/latin1.ts';
import { hashOf, sameBytes } from '../text/scan.ts';
import type { FunctionPlace, SymbolLookup } from './symbols.ts';

/**
 * The upper half of addresses that stand for a name alone. No kernel has code there: kernel addresses have their top
 * bits set, and user space is not traced.
 */
const NAME_ONLY_HIGH = 1;

/** `function+0x1f/0x70 [module]` as the kernel prints a place in code; offset, size and module may be absent. */
const PLACE = /^(.+?)(?:\+0x([0-9a-f]+)(?:\/0x([0-9a-f]+))?)?(?:\s+\(?\[?([^\])]+)\]?\)?)?$/;

/** What perf and `[module]` say of code in the kernel itself. */
const KERNEL_ITSELF = /^\[?(kernel\.kallsyms|kernel\.vmlinux|vmlinux|guest\.kernel\.kallsyms|unknown)/;

/**
 * What is printed for an address without a name: itself, `[unknown]` by perf, and by trace-cmd the last symbol that there
 * is, a trampoline, for code of modules that were unloaded.
 */
const NO_NAME = /^((0x)?[0-9a-f]{8,16}|\[unknown\].*|ftrace_trampoline)$/;

interface NamedText {
  readonly bytes: Uint8Array;
  readonly low: number;
}

/**
 * The functions that an input without symbols names as it goes: by the addresses that a text prints with them or, where
 * it prints none, by addresses made up for the names; and those that probes are taken to sit on.
 */
export class LearntSymbols implements SymbolLookup {
  private readonly byAddress = new Map<number, Map<number, FunctionPlace | undefined>>();
  private readonly byText = new Map<number, NamedText[]>();
  private names = 0;
  /** Functions that were taken for those of probes. */
  readonly guesses = new Set<string>();

  get isEmpty(): boolean {
    return this.byAddress.size === 0;
  }

  at(high: number, low: number): FunctionPlace | undefined {
    return this.byAddress.get(high)?.get(low);
  }

  /** Whether an address was told of, with a name or without. */
  isKnown(high: number, low: number): boolean {
    return this.byAddress.get(high)?.has(low) ?? false;
  }

  /** Takes `text` for what is at an address, unless it is the address in other words. */
  learn(high: number, low: number, text: string): void {
    this.set(high, low, NO_NAME.test(text) ? undefined : placeOf(text));
  }

  /** Takes a name for that of an address, without an offset. */
  guess(high: number, low: number, name: string): void {
    this.guesses.add(name);
    this.set(high, low, { name, offset: undefined, size: undefined, module: undefined });
  }

  /** The lower half of the address that stands for a name without one; the upper is {@link nameOnlyHigh}. */
  lowOf(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end);
    let sameHash = this.byText.get(hash);
    if (!sameHash) {
      sameHash = [];
      this.byText.set(hash, sameHash);
    }
    for (const known of sameHash) if (sameBytes(bytes, start, end, known.bytes)) return known.low;
    const low = ++this.names;
    const own = bytes.slice(start, end);
    sameHash.push({ bytes: own, low });
    this.set(NAME_ONLY_HIGH, low, { ...placeOf(latin1(own)), nameOnly: true });
    return low;
  }

  /** The same for a name that has come before; 0 for another. */
  knownLowOf(bytes: Uint8Array, start: number, end: number): number {
    const sameHash = this.byText.get(hashOf(bytes, start, end)) ?? [];
    return sameHash.find(known => sameBytes(bytes, start, end, known.bytes))?.low ?? 0;
  }

  get nameOnlyHigh(): number {
    return NAME_ONLY_HIGH;
  }

  private set(high: number, low: number, place: FunctionPlace | undefined): void {
    let sameHigh = this.byAddress.get(high);
    if (!sameHigh) {
      sameHigh = new Map();
      this.byAddress.set(high, sameHigh);
    }
    sameHigh.set(low, place);
  }
}

function placeOf(text: string): FunctionPlace {
  const [, name = text, offset, size, place] = PLACE.exec(text.trim()) ?? [];
  const module =
    place === undefined || KERNEL_ITSELF.test(place) ? undefined : place.replace(/^.*\/|\.ko.*$/g, '');
  return {
    name,
    offset: offset === undefined ? undefined : Number.parseInt(offset, 16),
    size: size === undefined ? undefined : Number.parseInt(size, 16),
    module,
  };
}

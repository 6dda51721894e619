import { ZSTDDecoder } from 'zstddec/stream';

/** What the WebAssembly of zstddec offers: the reference decoder's own functions. */
interface ZstdExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  free(at: number): void;
  /** @returns bytes written; a negative number is an error */
  ZSTD_decompress(to: number, capacity: number, from: number, bytes: number): number;
}

/** The part of the global `WebAssembly` that is used here; Node's types leave it out. */
interface WebAssemblyApi {
  instantiate(module: CompiledModule, imports: object): Promise<{ readonly exports: object }>;
}

/** A `WebAssembly.Module`. */
type CompiledModule = object;

/**
 * The zstd decoder for a Node that has none. zstddec carries it as WebAssembly; its own `decode()` makes new memory for
 * each block, and on a virtual machine a page that is touched for the first time costs as much as decoding it does.
 * Here one instance keeps its memory, and gives out views of it.
 */
export class WasmZstd {
  private readonly code: ZstdExports;
  private readonly input: Region;
  private readonly output: Region;

  private constructor(code: ZstdExports) {
    this.code = code;
    this.input = new Region(code);
    this.output = new Region(code);
  }

  /** The decoder of this process: one instance, whose memory is used again and again. */
  static load(): Promise<WasmZstd> {
    shared ??= WasmZstd.make();
    return shared;
  }

  private static async make(): Promise<WasmZstd> {
    const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };
    const instance = await WebAssembly.instantiate((await loadZstddec()).module, IMPORTS);
    return new WasmZstd(instance.exports as ZstdExports);
  }

  /**
   * Decompresses a frame of at most `size` bytes.
   *
   * @returns a view that is valid until the next call; `undefined` where the frame cannot be decompressed
   */
  decompress(bytes: Uint8Array, size: number): Uint8Array | undefined {
    const from = this.input.reserve(bytes.length);
    const to = this.output.reserve(size);
    // Only now: the memory may have moved.
    new Uint8Array(this.code.memory.buffer, from, bytes.length).set(bytes);
    const written = this.code.ZSTD_decompress(to, size, from, bytes.length);
    return written < 0 ? undefined : new Uint8Array(this.code.memory.buffer, to, written);
  }
}

let shared: Promise<WasmZstd> | undefined;

/** Emscripten tells of its memory growing; nobody here keeps views of it. */
const IMPORTS = { env: { emscripten_notify_memory_growth: () => undefined } };

/** A piece of the decoder's memory that is kept, and replaced by a larger one where it must be. */
class Region {
  private readonly code: ZstdExports;
  private at = 0;
  private bytes = 0;

  constructor(code: ZstdExports) {
    this.code = code;
  }

  reserve(bytes: number): number {
    if (bytes > this.bytes || this.at === 0) {
      if (this.at !== 0) this.code.free(this.at);
      this.bytes = Math.max(bytes, 1);
      this.at = this.code.malloc(this.bytes);
      if (this.at === 0) throw new RangeError(`no memory for ${bytes} bytes of zstd data`);
    }
    return this.at;
  }
}

/** zstddec, and the code that it carries. */
export interface Zstddec {
  readonly decoder: ZSTDDecoder;
  readonly module: CompiledModule;
}

let loading: Promise<Zstddec> | undefined;

/** Loads zstddec, once: it keeps what it compiles to itself, and is watched when it takes that into use. */
export function loadZstddec(): Promise<Zstddec> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Zstddec> {
  const decoder = new ZSTDDecoder();
  const takeIntoUse = decoder._init;
  let module: CompiledModule | undefined;
  decoder._init = result => {
    takeIntoUse(result);
    module = result.module;
  };
  await decoder.init();
  if (!module) throw new Error('zstddec was loaded elsewhere');
  return { decoder, module };
}

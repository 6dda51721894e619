/** What the WebAssembly of zstddec offers: the reference decoder's own functions. */
interface ZstdExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  free(at: number): void;
  /** @returns bytes written; a negative number is an error */
  ZSTD_decompress(to: number, capacity: number, from: number, bytes: number): number;
  ZSTD_createDCtx(): number;
  ZSTD_freeDCtx(context: number): void;
  /**
   * Takes a `ZSTD_outBuffer` and a `ZSTD_inBuffer`, each of address, size and position, 32 bits each.
   *
   * @returns 0 where a frame is at its end, else about how many bytes are wanted; a negative number for an error
   */
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/** The part of the global `WebAssembly` that is used here; Node's types leave it out. */
interface WebAssemblyApi {
  readonly Instance: new (module: CompiledModule, imports: object) => { readonly exports: object };
}

/** A `WebAssembly.Module`. */
export type CompiledModule = object;

/**
 * The zstd decoder for a Node that has none. zstddec carries it as WebAssembly; its own `decode()` makes new memory for
 * each block, and on a virtual machine a page that is touched for the first time costs as much as decoding it does.
 * Here an instance keeps its memory, and gives out views of it.
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

  /** An instance of the code of zstddec, with a memory of its own. */
  static of(module: CompiledModule): WasmZstd {
    const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };
    return new WasmZstd(new WebAssembly.Instance(module, IMPORTS).exports as ZstdExports);
  }

  /** Bytes of the decoder's memory, which only grows. */
  get memoryBytes(): number {
    return this.code.memory.buffer.byteLength;
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

  /**
   * Decompresses frames piece by piece. Of their content only the window is kept, which later pieces refer to: some MiB at
   * most are touched, however long it is.
   *
   * @param read fills the memory that it is given with the next bytes, and returns how many these are; 0 at the end
   * @returns views that are valid until the next piece is asked for; whoever asks for no more calls `return()`
   * @throws Error where the data is damaged, or ends before a frame does
   */
  *stream(read: (into: Uint8Array) => number): Generator<Uint8Array> {
    const { code } = this;
    const context = code.ZSTD_createDCtx();
    const memory = new Region(code);
    try {
      if (context === 0) throw new RangeError('no memory for a stream of zstd data');
      const input = memory.reserve(2 * PIECE + BUFFERS_BYTES);
      const output = input + PIECE;
      const buffers = output + PIECE;
      for (let wanted = 0; ; ) {
        const bytes = read(new Uint8Array(code.memory.buffer, input, PIECE));
        if (bytes === 0 && wanted > 0) throw new Error('zstd data ends within a frame');
        if (bytes === 0) return;
        let taken = 0;
        let written: number;
        do {
          const before = new Uint32Array(code.memory.buffer, buffers, 6);
          before.set([output, PIECE, 0, input, bytes, taken]);
          wanted = code.ZSTD_decompressStream(context, buffers, buffers + 12);
          if (wanted < 0) throw new Error('damaged zstd data');
          // Only now: the memory may have moved.
          const after = new Uint32Array(code.memory.buffer, buffers, 6);
          written = after[2] as number;
          taken = after[5] as number;
          if (written > 0) yield new Uint8Array(code.memory.buffer, output, written);
          // A full piece may not be all that there is, unless the frame has ended.
        } while (taken < bytes || (written === PIECE && wanted > 0));
      }
    } finally {
      code.ZSTD_freeDCtx(context);
      memory.free();
    }
  }
}

/** Bytes of a piece: what the reference decoder recommends for both sides is a block, 128 KiB. */
const PIECE = 128 << 10;

/** A `ZSTD_outBuffer` and a `ZSTD_inBuffer`. */
const BUFFERS_BYTES = 24;

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
      this.free();
      this.bytes = Math.max(bytes, 1);
      this.at = this.code.malloc(this.bytes);
      if (this.at === 0) throw new RangeError(`no memory for ${bytes} bytes of zstd data`);
    }
    return this.at;
  }

  free(): void {
    if (this.at !== 0) this.code.free(this.at);
    this.at = 0;
  }
}

import { renameSync, rmSync } from 'node:fs';
import { OPTION, SECTION } from '../dat/sections.ts';
import { DEFAULT_SUB_BUFFER, LITTLE_ENDIAN_64 } from './abi.ts';
import { type Compression, type Compressor, loadCompressor } from './compress.ts';
import { eventFormats, ftraceFormats, headerInfo, sizedText, type TraceDescription } from './description.ts';
import { OutputFile } from './output-file.ts';
import { type BufferName, ChunkList, PartialFile } from './partial-file.ts';
import { SectionWriter } from './section-writer.ts';

export interface TraceWriterOptions {
  /** By default zstd where Node can, else none: see {@link loadCompressor}. */
  readonly compression?: Compression;
  /** Bytes of a sub-buffer of the top buffer; default a page. */
  readonly subBufferSize?: number;
  /** Clock of the top buffer; by default the one that `traceClock` has in brackets. */
  readonly clock?: string;
}

/** Bytes of a chunk before compression: what is waiting in memory for each CPU, and what a reader unpacks at once. */
const CHUNK = 64 << 10;

/** One CPU of a buffer. */
interface CpuChunks {
  readonly waiting: Uint8Array;
  used: number;
  readonly chunks: ChunkList;
}

interface OpenBuffer extends BufferName {
  readonly cpus: Map<number, CpuChunks>;
}

/**
 * Writes a trace.dat of version 7 (trace-cmd.dat.v7.5) that trace-cmd and KernelShark read. Sub-buffers are taken as
 * the kernel made them, of any CPU in any order, and memory does not grow with the recording.
 *
 * Until {@link finish} the recording is in `PATH.partial`, which iommusan reads too.
 */
export class TraceWriter {
  readonly path: string;
  private readonly description: TraceDescription;
  private readonly compressor: Compressor;
  private readonly partial: PartialFile;
  private readonly buffers: OpenBuffer[] = [];

  private constructor(
    path: string,
    description: TraceDescription,
    compressor: Compressor,
    partial: PartialFile,
  ) {
    this.path = path;
    this.description = description;
    this.compressor = compressor;
    this.partial = partial;
  }

  /**
   * @param description what is known when the recording begins; {@link finish} may add to it
   * @throws the error of the file system where the file cannot be made
   */
  static async create(
    path: string,
    description: TraceDescription,
    options: TraceWriterOptions = {},
  ): Promise<TraceWriter> {
    const compressor = await loadCompressor(options.compression);
    const { subBufferSize = DEFAULT_SUB_BUFFER } = options;
    const file = new OutputFile(`${path}.partial`);
    const sections = beginFile(file, description, compressor);
    sections.options(describe(sections, description, subBufferSize, undefined));
    file.flush();
    const partial = new PartialFile(file, sections, compressor.method !== 'none');
    const writer = new TraceWriter(path, description, compressor, partial);
    writer.addBuffer('', { subBufferSize, ...(options.clock === undefined ? {} : { clock: options.clock }) });
    return writer;
  }

  /**
   * Adds a buffer (a tracefs instance) beside the top one, which is number 0.
   *
   * @returns its number for {@link write}
   */
  addBuffer(
    name: string,
    options: { readonly subBufferSize?: number; readonly clock?: string } = {},
  ): number {
    this.buffers.push({
      name,
      clock: options.clock ?? /\[([^[\]]+)\]/.exec(this.description.traceClock ?? '')?.[1] ?? 'local',
      subBufferSize: options.subBufferSize ?? DEFAULT_SUB_BUFFER,
      cpus: new Map(),
    });
    return this.buffers.length - 1;
  }

  /**
   * Takes whole sub-buffers of one CPU, each of the buffer's size. They are copied or written before this returns.
   *
   * @param buffer 0 for the top buffer, or what {@link addBuffer} returned
   */
  write(buffer: number, cpu: number, subBuffers: Uint8Array): void {
    const open = this.bufferOf(buffer);
    if (subBuffers.length % open.subBufferSize !== 0) {
      throw new RangeError(`${subBuffers.length} bytes are not a number of whole sub-buffers`);
    }
    const state = cpuOf(open, cpu);
    for (let from = 0; from < subBuffers.length; ) {
      const { waiting, used } = state;
      const rest = subBuffers.length - from;
      const taken = Math.min(rest, waiting.length - used);
      if (used === 0 && taken === waiting.length) {
        this.partial.append(open, cpu, subBuffers.subarray(from, from + taken), state.chunks);
      } else {
        waiting.set(subBuffers.subarray(from, from + taken), used);
        state.used += taken;
        if (state.used === waiting.length) this.putWaiting(open, cpu, state);
      }
      from += taken;
    }
  }

  /** Writes all that waits in memory: it then survives the end of this process. Chunks become smaller by it. */
  flush(): void {
    for (const buffer of this.buffers) {
      for (const [cpu, state] of buffer.cpus) this.putWaiting(buffer, cpu, state);
    }
    this.partial.flush();
  }

  /**
   * Completes the file. Where that fails (a full disk), `PATH.partial` still holds everything.
   *
   * @param late what has become known since the beginning: command names, statistics, symbols of late modules
   */
  finish(late: Partial<TraceDescription> = {}): void {
    this.flush();
    const description = { ...this.description, ...late };
    const file = new OutputFile(`${this.path}.new`);
    try {
      const sections = beginFile(file, description, this.compressor);
      const { subBufferSize } = this.bufferOf(0);
      sections.options(describe(sections, description, subBufferSize, cpuCount(this.buffers)));
      sections.options(
        this.buffers.map(buffer => [
          OPTION.buffer,
          this.putBuffer(file, sections, buffer, description.pageSize ?? DEFAULT_SUB_BUFFER),
        ]),
      );
      sections.stringsSection();
      file.close();
    } catch (error) {
      file.abandon();
      rmSync(file.path, { force: true });
      this.partial.close();
      throw error;
    }
    renameSync(file.path, this.path);
    this.partial.remove();
  }

  /** Gives the recording up: nothing stays. */
  discard(): void {
    this.partial.remove();
  }

  private putWaiting(buffer: OpenBuffer, cpu: number, state: CpuChunks): void {
    if (state.used === 0) return;
    this.partial.append(buffer, cpu, state.waiting.subarray(0, state.used), state.chunks);
    state.used = 0;
  }

  /** Writes the data of a buffer as a section; returns the option that describes it. */
  private putBuffer(
    file: OutputFile,
    sections: SectionWriter,
    { name, clock, subBufferSize, cpus }: OpenBuffer,
    pageSize: number,
  ): Uint8Array {
    const offset = sections.openSection(SECTION.buffer, `buffer flyrecord ${name}`);
    const ids = [...cpus.keys()].sort((a, b) => a - b);
    if (ids.length === 0) ids.push(0);
    const option = sections.bytes().u64(offset).cstring(name).cstring(clock).u32(subBufferSize);
    option.u32(ids.length);
    for (const cpu of ids) {
      const chunks = cpus.get(cpu)?.chunks ?? new ChunkList();
      // trace-cmd maps the data into memory: it begins at a page.
      file.align(pageSize);
      const start = file.length;
      if (this.compressor.method !== 'none') file.put(sections.bytes().u32(chunks.count).finish());
      this.partial.copyTo(file, chunks);
      // As trace-cmd has it, the size of compressed data leaves the count of chunks out.
      option.u32(cpu).u64(start).u64(chunks.total());
    }
    sections.closeSection(offset);
    return option.finish();
  }

  private bufferOf(buffer: number): OpenBuffer {
    const open = this.buffers[buffer];
    if (!open) throw new RangeError(`there is no buffer ${buffer}`);
    return open;
  }
}

function cpuOf(buffer: OpenBuffer, cpu: number): CpuChunks {
  let state = buffer.cpus.get(cpu);
  if (!state) {
    const { subBufferSize } = buffer;
    const size = Math.max(1, Math.floor(CHUNK / subBufferSize)) * subBufferSize;
    state = { waiting: new Uint8Array(size), used: 0, chunks: new ChunkList() };
    buffer.cpus.set(cpu, state);
  }
  return state;
}

/** CPUs of the machine: the highest that has recorded, and those below it. */
function cpuCount(buffers: readonly OpenBuffer[]): number {
  return 1 + Math.max(0, ...buffers.flatMap(({ cpus }) => [...cpus.keys()]));
}

function beginFile(file: OutputFile, description: TraceDescription, compressor: Compressor): SectionWriter {
  const { abi = LITTLE_ENDIAN_64, pageSize = DEFAULT_SUB_BUFFER } = description;
  const sections = new SectionWriter(file, compressor, abi.littleEndian);
  sections.fileHeader(abi.longSize, pageSize);
  return sections;
}

/** Writes the sections of a description; returns the options that say where they are, and those that hold the rest. */
function describe(
  sections: SectionWriter,
  description: TraceDescription,
  subBufferSize: number,
  cpus: number | undefined,
): [id: number, data: Uint8Array][] {
  const { abi = LITTLE_ENDIAN_64, traceClock, uname, statistics = [] } = description;
  const options: [number, Uint8Array][] = [];
  const section = (id: number, name: string, body: Uint8Array): void => {
    options.push([
      id,
      sections
        .bytes()
        .u64(sections.section(id, name, body))
        .finish(),
    ]);
  };
  const text = (id: number, content: string): void => {
    options.push([id, sections.bytes().cstring(content).finish()]);
  };
  section(SECTION.headerInfo, 'headers', headerInfo(description, subBufferSize));
  section(SECTION.ftraceEvents, 'ftrace events', ftraceFormats(description));
  section(SECTION.eventFormats, 'events format', eventFormats(description));
  section(SECTION.kallsyms, 'kallsyms', sizedText(abi, description.kallsyms, 4));
  section(SECTION.printk, 'printk', sizedText(abi, description.printkFormats, 4));
  section(SECTION.cmdlines, 'command lines', sizedText(abi, description.commandNames, 8));
  if (traceClock !== undefined) text(OPTION.traceClock, traceClock);
  if (uname !== undefined) text(OPTION.uname, uname);
  for (const cpu of statistics) text(OPTION.cpuStat, cpu);
  if (cpus !== undefined) options.push([OPTION.cpuCount, sections.bytes().u32(cpus).finish()]);
  for (const [id, data] of description.options ?? []) options.push([id, data]);
  return options;
}

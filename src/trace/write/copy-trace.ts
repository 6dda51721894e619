import { ChunkReader } from '../dat/chunk-reader.ts';
import { Positions } from '../dat/positions.ts';
import { OPTION, SECTION } from '../dat/sections.ts';
import type { TraceDat } from '../dat/trace-dat.ts';
import type { KernelAbi } from './abi.ts';
import type { TraceDescription } from './description.ts';
import { TraceWriter, type TraceWriterOptions } from './trace-writer.ts';

/** Options that the writer makes itself: where things are, and how many CPUs there are. */
const MADE_ANEW: ReadonlySet<number> = new Set([
  ...Object.values(SECTION),
  OPTION.buffer,
  OPTION.bufferText,
  OPTION.cpuCount,
]);

/**
 * Writes a trace.dat of any form anew as version 7, its sub-buffers as they are. What could not be read of it (see
 * {@link TraceDat.gaps}) is not in the copy.
 */
export async function copyTrace(
  trace: TraceDat,
  path: string,
  options: Pick<TraceWriterOptions, 'compression'> = {},
): Promise<void> {
  const top = trace.buffers.find(({ name }) => name === '');
  const writer = await TraceWriter.create(path, descriptionOf(trace), {
    ...options,
    subBufferSize: top?.subBufferSize ?? trace.layout.subBufferSize,
    clock: top?.clock ?? 'local',
  });
  try {
    const positions = new Positions(trace.file.name);
    for (const buffer of trace.buffers) {
      const { name, clock, subBufferSize } = buffer;
      const number = buffer === top ? 0 : writer.addBuffer(name, { clock, subBufferSize });
      for (const data of buffer.cpus) {
        const reader = new ChunkReader(trace, buffer, data, positions);
        while (reader.next()) writer.write(number, data.cpu, wholeSubBuffers(reader.bytes, subBufferSize));
      }
    }
    writer.finish();
  } catch (error) {
    writer.discard();
    throw error;
  }
}

/** The last sub-buffer of a file that was cut short is filled up with zeros; its commit word says what it claimed. */
function wholeSubBuffers(bytes: Uint8Array, size: number): Uint8Array {
  const rest = bytes.length % size;
  if (rest === 0) return bytes;
  const whole = new Uint8Array(bytes.length - rest + size);
  whole.set(bytes);
  return whole;
}

function descriptionOf(trace: TraceDat): TraceDescription {
  const { asRecorded, layout, littleEndian } = trace;
  const abi: KernelAbi = { littleEndian, longSize: layout.commitSize === 4 ? 4 : 8 };
  return {
    abi,
    pageSize: trace.pageSize,
    headerPage: asRecorded.headerPage,
    headerEvent: asRecorded.headerEvent,
    formats: trace.formats,
    kallsyms: trace.kallsyms.all(),
    printkFormats: asRecorded.printkFormats(),
    commandNames: asRecorded.commandNames,
    options: asRecorded.options
      .filter(({ id }) => !MADE_ANEW.has(id))
      .map(({ id, data }): [number, Uint8Array] => [id, data]),
  };
}

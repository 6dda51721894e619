import { openTraceDat } from '../../src/trace/dat/open.ts';
import { ARM, type Machine, X86_64 } from './ring-buffer.ts';
import { type Form, type WrittenFile, writeTraceFile } from './trace-file.ts';

/** Writes a real recording, of version 6 or not compressed, in another form. */
export async function rewrite(path: string, form: Form): Promise<WrittenFile> {
  const { file, formats, buffers, kallsyms, commandNames, uname, statistics, ...trace } =
    await openTraceDat(path);
  if (buffers.some(({ compressed }) => compressed)) throw new Error(`${path} is compressed`);
  const machine: Machine = trace.layout.commitSize === 8 ? X86_64 : ARM;
  const written = writeTraceFile(
    {
      machine,
      formats,
      buffers: buffers.map(({ name, cpus, subBufferSize }) => ({
        name,
        cpus: cpus.map(({ cpu, offset, size }) => ({
          cpu,
          subBuffers: pieces(file.read(offset, size, 'events'), subBufferSize),
        })),
      })),
      kallsyms: Buffer.from(kallsyms.all()).toString('latin1'),
      commandNames: [...commandNames].map(([pid, name]) => `${pid} ${name}\n`).join(''),
      clocks: `[${buffers[0]?.clock}]`,
      ...(uname !== undefined && { uname }),
      statistics: statistics.map(
        ({ cpu, overrun, droppedEvents }) =>
          `CPU: ${cpu}\noverrun: ${overrun}\ndropped events: ${droppedEvents}\n`,
      ),
    },
    form,
  );
  file.close();
  return written;
}

function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}

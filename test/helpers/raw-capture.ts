import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ChunkReader } from '../../src/trace/dat/chunk-reader.ts';
import { openTraceDat } from '../../src/trace/dat/open.ts';
import { Positions } from '../../src/trace/dat/positions.ts';

/** The files of a raw capture by their paths (docs/raw-capture.md), with what a trace.dat holds. */
export async function captureOf(path: string): Promise<Map<string, Uint8Array>> {
  const trace = await openTraceDat(path);
  const files = new Map<string, Uint8Array>();
  for (const { system, name, text } of trace.formats) {
    files.set(`events/${system}/${name}/format`, Buffer.from(text, 'latin1'));
  }
  for (const buffer of trace.buffers) {
    for (const data of buffer.cpus) {
      const reader = new ChunkReader(trace, buffer, data, new Positions(path));
      const pages: Uint8Array[] = [];
      while (reader.next()) pages.push(reader.bytes.slice());
      files.set(`per_cpu/cpu${data.cpu}/trace_pipe_raw`, Buffer.concat(pages));
    }
  }
  files.set('events/header_page', Buffer.from(trace.asRecorded.headerPage, 'latin1'));
  files.set('trace_clock', Buffer.from(`local global [${trace.buffers[0]?.clock}]\n`));
  files.set('saved_cmdlines', trace.asRecorded.commandNames);
  files.set('kallsyms', trace.kallsyms.all());
  files.set('uname', Buffer.from(`${trace.uname}\n`));
  files.set('page_size', Buffer.from(`${trace.pageSize}\n`));
  trace.file.close();
  return files;
}

/** Writes files below `root`. */
export function writeFiles(root: string, files: ReadonlyMap<string, Uint8Array>): string {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  }
  return root;
}

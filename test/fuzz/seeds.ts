import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bordersOf } from '../helpers/borders.ts';
import { type RingRecord, takeApart } from '../helpers/drop-events.ts';
import { FUNCTIONS } from '../helpers/kernel-events.ts';
import { S390, SubBuffer, X86_64 } from '../helpers/ring-buffer.ts';
import { type RecordedCpu, type Recording, writeTraceFile } from '../helpers/trace-file.ts';

/** An input to be mutated, and where its parts begin. */
export interface Seed {
  readonly name: string;
  readonly target: 'trace' | 'format';
  readonly bytes: Uint8Array;
  readonly borders: readonly number[];
}

/** Records of a real recording that a seed has: enough for mappings, frees and findings. */
const RECORDS = 120;

/** Bytes of a text that a seed has. */
const TEXT_BYTES = 8192;

/** Real recordings, made small, in every form; and the kernel's own formats. */
export async function allSeeds(fixtures: string): Promise<Seed[]> {
  const seeds: Seed[] = [];
  for (const name of [
    'sanitizer-kernel/uaf.dat',
    'sanitizer-kernel/fuzz-1.dat',
    'stock-kernel/overrun.dat',
  ]) {
    const recording = await excerptOf(join(fixtures, 'traces', name));
    for (const [form, file] of [
      ['version 6', writeTraceFile(recording, { version: 6 })],
      ['version 7', writeTraceFile(recording, { version: 7 })],
      ['version 7, zlib', writeTraceFile(recording, { version: 7, compression: 'zlib' })],
      ['version 7, no page size', writeTraceFile(recording, { version: 7, hasPageSize: false })],
    ] as const) {
      seeds.push({ name: `${name} as ${form}`, target: 'trace', ...file });
    }
    for (const { text } of recording.formats.slice(0, 12)) {
      seeds.push({
        name: `a format of ${name}`,
        target: 'format',
        bytes: latin1(text),
        borders: linesOf(text),
      });
    }
  }
  for (const name of ['linux-6.1/k61.dat', 'stock-kernel/ok.dat', 'forms/uaf-v7-zstd.dat']) {
    const path = join(fixtures, 'traces', name);
    seeds.push({ name, target: 'trace', bytes: readFileSync(path), borders: bordersOf(path) });
  }
  seeds.push(bigEndian());
  for (const folder of ['texts', 'perf']) {
    for (const name of readdirSync(join(fixtures, folder))) {
      const bytes = readFileSync(join(fixtures, folder, name));
      if (!name.endsWith('.txt')) seeds.push({ name, target: 'trace', bytes, borders: words(bytes) });
      else {
        const text = bytes.toString('latin1', 0, TEXT_BYTES);
        seeds.push({ name, target: 'trace', bytes: latin1(text), borders: linesOf(text) });
      }
    }
  }
  const page =
    '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n' +
    '\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n';
  seeds.push({ name: 'header_page', target: 'format', bytes: latin1(page), borders: linesOf(page) });
  return seeds;
}

async function excerptOf(path: string): Promise<Recording> {
  const { trace, records, kallsyms } = await takeApart(path);
  const half = Math.floor(records.length / 2);
  const kept = records.slice(half, half + RECORDS);
  const used = new Set(
    kept.map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint16(0, true)),
  );
  return {
    machine: X86_64,
    formats: trace.formats.filter(({ id }) => used.has(id)),
    buffers: [{ name: '', cpus: subBuffersOf(kept) }],
    kallsyms: probedFunctions(kallsyms),
    commandNames: '162 insmod\n',
    clocks: '[mono]',
    uname: trace.uname ?? 'Linux host 7.2.13 x86_64',
    statistics: ['CPU: 0\nentries: 0\noverrun: 0\ndropped events: 0\n'],
  };
}

/** The lines of the functions that probes sit on; all others are only names. */
function probedFunctions(kallsyms: Uint8Array): string {
  const lines = Buffer.from(kallsyms).toString('latin1').split('\n');
  return lines
    .filter(line => Object.hasOwn(FUNCTIONS, line.split(' ')[2] ?? ''))
    .map(line => `${line}\n`)
    .join('');
}

function subBuffersOf(records: readonly RingRecord[]): RecordedCpu[] {
  const cpus = new Map<number, { done: Uint8Array[]; page: SubBuffer; clock: number }>();
  for (const { cpu, timeNs, bytes } of records) {
    let open = cpus.get(cpu);
    if (!open || open.page.room < bytes.length + 24) {
      open = {
        done: open ? [...open.done, open.page.close()] : [],
        page: new SubBuffer(X86_64, timeNs),
        clock: timeNs,
      };
      cpus.set(cpu, open);
    }
    const delta = timeNs - open.clock;
    if (delta >= 2 ** 27) open.page.timeExtend(delta);
    open.page.event(delta >= 2 ** 27 ? 0 : delta, bytes);
    open.clock = timeNs;
  }
  return [...cpus].map(([cpu, { done, page }]) => ({
    cpu,
    subBuffers: [...done, page.close({ missed: 3 })],
  }));
}

/** No recording of a big-endian machine is at hand: a made-up one stands for it. */
function bigEndian(): Seed {
  const page = new SubBuffer(S390, 1000);
  for (let i = 0; i < 20; i++)
    page.event(
      10,
      Uint8Array.from({ length: 24 }, (_, byte) => (byte * i) & 0xff),
    );
  const file = writeTraceFile(
    { machine: S390, formats: [], buffers: [{ name: '', cpus: [{ cpu: 0, subBuffers: [page.close()] }] }] },
    { version: 7 },
  );
  return { name: 'a big-endian machine', target: 'trace', ...file };
}

function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

function linesOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Of a binary form without a map here: its first words, where headers are, and some further on. */
function words({ length }: Uint8Array): number[] {
  return Array.from({ length: Math.min(length / 8, 600) }, (_, i) => (i < 200 ? i * 8 : i * 64)).filter(
    at => at < length,
  );
}

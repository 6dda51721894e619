import { TraceSource } from '../../src/trace/trace-source.ts';
import { ByteWriter } from '../../src/trace/write/byte-writer.ts';

/** How a perf.data is written. */
export interface PerfForm {
  /** `perf record -o -` */
  readonly pipe?: boolean;
  /** `perf record -z` */
  readonly compressed?: boolean;
  /** Number of a sample that a record of loss stands before, and the events that were lost. */
  readonly loss?: { readonly before: number; readonly count: number };
}

interface Sample {
  readonly timeNs: number;
  readonly cpu: number;
  readonly pid: number;
  readonly id: number;
  readonly raw: Uint8Array;
  readonly frames: readonly bigint[];
}

/** IP, TID, TIME, CPU, PERIOD, CALLCHAIN, RAW, IDENTIFIER */
const SAMPLE_TYPE = 0x1 | 0x2 | 0x4 | 0x80 | 0x100 | 0x20 | 0x400 | 0x1_0000;
const SAMPLE_ID_ALL = 1 << 18;
const ATTR_BYTES = 136;
const CONTEXT_KERNEL = -128n;
const CONTEXT_USER = -512n;

/** Samples of a CPU that are written before the next CPU's turn. */
const ROUND = 50;

/** Writes the events of a trace.dat as `perf record` would have. */
export async function perfDataOf(path: string, form: PerfForm = {}): Promise<Uint8Array> {
  const source = await TraceSource.open(path);
  const samples: Sample[] = [];
  source.walk(
    id => event => {
      const { buffer, byteOffset } = event.view;
      const frames: bigint[] = [];
      for (let i = 0; i < event.stackBytes; i += 8) {
        const at = (event.stackAt + i) >> 2;
        const frame = (BigInt(event.stackWords[at + 1] ?? 0) << 32n) | BigInt(event.stackWords[at] ?? 0);
        if (frame !== 0xffff_ffff_ffff_ffffn) frames.push(frame);
      }
      samples.push({
        timeNs: event.timeNs,
        cpu: event.cpu,
        pid: event.pid,
        id,
        raw: new Uint8Array(buffer, byteOffset + event.payload, event.payloadSize).slice(),
        frames,
      });
    },
    { eventsLost: () => undefined },
  );
  // perf has no events for stacks: they are in the samples.
  const own = samples.filter(({ id }) => source.format(id)?.name !== 'kernel_stack');
  const ids = [...new Set(own.map(({ id }) => id))];
  const tracing = tracingData(source, ids);
  const tasks = [...new Set(own.map(({ pid }) => pid))].map(pid => comm(pid, source.names.task(pid)));
  source.close();
  const records = concat([...tasks, ...samplesInRounds(own, form)]);
  const data = form.compressed ? compressedRecords(records) : records;
  return form.pipe ? pipe(ids, tracing, data) : file(ids, tracing, data, form.compressed ?? false);
}

function samplesInRounds(samples: readonly Sample[], { loss }: PerfForm): Uint8Array[] {
  const cpus = [...new Set(samples.map(({ cpu }) => cpu))].sort();
  const records: Uint8Array[] = [];
  // Rounds follow the time, as in a recording: within one, each CPU writes all that it has.
  for (let start = 0; start < samples.length; start += ROUND * cpus.length) {
    const round = samples.slice(start, start + ROUND * cpus.length);
    for (const cpu of cpus) {
      for (const each of round.filter(candidate => candidate.cpu === cpu)) {
        if (loss && samples[loss.before] === each) records.push(lost(each, loss.count));
        records.push(sample(each));
      }
    }
    records.push(record(68, new ByteWriter(true)));
  }
  return records;
}

function sample({ timeNs, cpu, pid, id, raw, frames }: Sample): Uint8Array {
  const body = new ByteWriter(true)
    .u64(id + 1000)
    .u64(frames[0] ?? 0n)
    .u32(pid)
    .u32(pid)
    .u64(timeNs)
    .u32(cpu)
    .u32(0)
    .u64(1);
  const chain = frames.length === 0 ? [] : [CONTEXT_KERNEL, ...frames, CONTEXT_USER, 0x7f00_1234_5678n];
  body.u64(chain.length);
  for (const frame of chain) body.u64(BigInt.asUintN(64, frame));
  // The size of the raw data and the data fill 8 bytes.
  const padded = Math.ceil((raw.length + 4) / 8) * 8 - 4;
  body
    .u32(padded)
    .put(raw)
    .put(new Uint8Array(padded - raw.length));
  return record(9, body);
}

function lost({ timeNs, cpu, pid, id }: Sample, count: number): Uint8Array {
  const body = new ByteWriter(true).u64(id + 1000).u64(count);
  return record(
    2,
    body
      .u32(pid)
      .u32(pid)
      .u64(timeNs)
      .u32(cpu)
      .u32(0)
      .u64(id + 1000),
  );
}

function comm(pid: number, name: string): Uint8Array {
  const text = Buffer.alloc(16);
  text.write(name, 'latin1');
  return record(3, new ByteWriter(true).u32(pid).u32(pid).put(text).put(new Uint8Array(32)));
}

function record(type: number, body: ByteWriter): Uint8Array {
  const content = body.finish();
  return new ByteWriter(true)
    .u32(type)
    .u16(0)
    .u16(content.length + 8)
    .put(content)
    .finish();
}

function attr(): Uint8Array {
  return new ByteWriter(true)
    .u32(2)
    .u32(ATTR_BYTES)
    .u64(0)
    .u64(1)
    .u64(SAMPLE_TYPE)
    .u64(4)
    .u64(SAMPLE_ID_ALL)
    .put(new Uint8Array(ATTR_BYTES - 48))
    .finish();
}

/** As tools/perf/util/trace-event-info.c writes it. */
function tracingData(source: TraceSource, ids: readonly number[]): Uint8Array {
  const { trace } = source;
  const out = new ByteWriter(true)
    .put(Buffer.from('\x17\x08\x44tracing0.6\0', 'latin1'))
    .u8(0)
    .u8(8)
    .u32(trace.pageSize);
  const sized = (text: string): void => {
    out.u64(text.length).put(Buffer.from(text, 'latin1'));
  };
  out.cstring('header_page');
  sized(trace.asRecorded.headerPage);
  out.cstring('header_event');
  sized(trace.asRecorded.headerEvent);
  out.u32(0);
  const formats = trace.formats.filter(({ id }) => ids.includes(id));
  const systems = [...new Set(formats.map(({ system }) => system))];
  out.u32(systems.length);
  for (const system of systems) {
    const own = formats.filter(format => format.system === system);
    out.cstring(system).u32(own.length);
    for (const { text } of own) sized(text);
  }
  return out.u32(0).u32(0).u64(0).finish();
}

function pipe(ids: readonly number[], tracing: Uint8Array, data: Uint8Array): Uint8Array {
  const padded = Math.ceil(tracing.length / 8) * 8;
  return concat([
    new ByteWriter(true).put(Buffer.from('PERFILE2')).u64(16).finish(),
    ...ids.map(id => record(64, new ByteWriter(true).put(attr()).u64(id + 1000))),
    record(66, new ByteWriter(true).u32(tracing.length).u32(0)),
    tracing,
    new Uint8Array(padded - tracing.length),
    data,
  ]);
}

function file(
  ids: readonly number[],
  tracing: Uint8Array,
  data: Uint8Array,
  compressed: boolean,
): Uint8Array {
  const idsAt = 104;
  const attrsAt = idsAt + ids.length * 8;
  const entry = ATTR_BYTES + 16;
  const dataAt = attrsAt + ids.length * entry;
  const featuresAt = dataAt + data.length;
  const sections = compressed ? 2 : 1;
  const tracingAt = featuresAt + sections * 16;
  const out = new ByteWriter(true).put(Buffer.from('PERFILE2')).u64(104).u64(entry);
  out
    .u64(attrsAt)
    .u64(ids.length * entry)
    .u64(dataAt)
    .u64(data.length)
    .u64(0)
    .u64(0);
  out
    .u64((1 << 1) | (compressed ? 1 << 27 : 0))
    .u64(0)
    .u64(0)
    .u64(0);
  for (const id of ids) out.u64(id + 1000);
  for (const [i] of ids.entries())
    out
      .put(attr())
      .u64(idsAt + i * 8)
      .u64(8);
  out.put(data).u64(tracingAt).u64(tracing.length);
  if (compressed) out.u64(tracingAt + tracing.length).u64(20);
  return out.put(tracing).put(new Uint8Array(20)).finish();
}

/** Records of kind 81, whose content is one zstd frame of blocks that are stored as they are, and which never ends. */
function compressedRecords(records: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  const STEP = 5000;
  for (let at = 0; at < records.length; at += STEP) {
    const piece = records.subarray(at, at + STEP);
    const body = new ByteWriter(true);
    // Magic, no content size, a window of 128 KiB.
    if (at === 0)
      body
        .u32(0xfd2f_b528)
        .u8(0)
        .u8(7 << 3);
    const blockHeader = piece.length << 3;
    body
      .u8(blockHeader & 0xff)
      .u8((blockHeader >> 8) & 0xff)
      .u8(blockHeader >> 16)
      .put(piece);
    parts.push(record(81, body));
  }
  return concat(parts);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

import { LITTLE_ENDIAN_64 } from '../../src/trace/write/abi.ts';
import { shapeEvent } from '../../src/trace/write/event-shape.ts';
import { EventWriter, type FieldValue, putCommon } from '../../src/trace/write/event-writer.ts';
import { RingBuffer } from '../../src/trace/write/ring-buffer.ts';
import { TraceWriter } from '../../src/trace/write/trace-writer.ts';

/** What is odd about a trace. */
export interface Oddity {
  readonly domain?: bigint;
  readonly device?: string;
  /** Frames of the stack behind each map. */
  readonly frames?: number;
}

const FUNCTION = 0xffff_ffff_8180_0000n;
const KALLSYMS = `ffffffff81000000 T _text
ffffffff81800000 T iommu_map_nosync
ffffffff81a00000 T _etext
`;
const PAGE = 4096;
const ROUNDS = 200;
const KERNEL_STACK = 4;

const DECLARATIONS: Readonly<Record<string, readonly [string, string, readonly string[]]>> = {
  entry: ['probes', 'map', ['unsigned long __probe_ip', 'u64 domain', 'u64 iova', 'u64 paddr', 'u64 size']],
  map: ['iommu', 'map', ['u64 iova', 'u64 paddr', 'size_t size']],
  dmaMap: [
    'dma',
    'dma_map_phys',
    [
      '__data_loc char[] device',
      'u64 phys_addr',
      'u64 dma_addr',
      'size_t size',
      'int dir',
      'unsigned long attrs',
    ],
  ],
};

/** Writes a trace of maps that are all odd in one way. */
export async function writeOdd(path: string, { domain = 1n, device = '0000:00:01.0', frames = 3 }: Oddity) {
  const shapes = Object.entries(DECLARATIONS).map(([key, [system, name, fields]], i) => ({
    key,
    shape: shapeEvent(LITTLE_ENDIAN_64, system, name, 1000 + i, [...fields], '""'),
  }));
  const writers = new Map(
    shapes.map(({ key, shape }) => [
      key,
      new EventWriter(shape.format, LITTLE_ENDIAN_64, { __probe_ip: FUNCTION }),
    ]),
  );
  const writer = await TraceWriter.create(
    path,
    { formats: shapes.map(({ shape }) => shape), kallsyms: KALLSYMS, traceClock: '[mono]' },
    { compression: 'none', subBufferSize: 16_384 },
  );
  const ring = new RingBuffer(LITTLE_ENDIAN_64, (cpu, bytes) => writer.write(0, cpu, bytes), 16_384);
  let timeNs = 1000;
  const tell = (key: string, values: Readonly<Record<string, FieldValue>>): void => {
    timeNs += 100;
    writers.get(key)?.write(ring.cpu(0), timeNs, 7, 0, values);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const iova = 0x10_0000 + round * PAGE;
    tell('entry', { domain, iova, paddr: iova, size: PAGE });
    writeStack(ring, timeNs, frames);
    tell('map', { iova, paddr: iova, size: PAGE });
    tell('dmaMap', { device, phys_addr: iova, dma_addr: iova, size: PAGE, dir: 1, attrs: 0 });
  }
  ring.flush();
  writer.finish();
}

/** A record of `kernel_stack`: the number of frames, and the frames, each of another place. */
function writeStack(ring: RingBuffer, timeNs: number, frames: number): void {
  const cpu = ring.cpu(0);
  const payload = cpu.reserve(timeNs, 16 + frames * 8);
  putCommon(cpu.view, payload, true, KERNEL_STACK, 0, 7);
  cpu.view.setUint32(payload + 8, frames, true);
  for (let i = 0; i < frames; i++)
    cpu.view.setBigUint64(payload + 16 + i * 8, FUNCTION + BigInt(i * 16), true);
}

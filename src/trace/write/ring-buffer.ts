import { DEFAULT_SUB_BUFFER, type KernelAbi } from './abi.ts';
import { CpuRing, type TakeSubBuffers } from './cpu-ring.ts';

/** The ring buffers of all CPUs of a trace instance. */
export class RingBuffer {
  private readonly abi: KernelAbi;
  private readonly take: TakeSubBuffers;
  private readonly subBufferSize: number;
  private readonly rings: CpuRing[] = [];

  /** @param take gets whole sub-buffers, mostly to give them to {@link TraceWriter.write} */
  constructor(abi: KernelAbi, take: TakeSubBuffers, subBufferSize = DEFAULT_SUB_BUFFER) {
    this.abi = abi;
    this.take = take;
    this.subBufferSize = subBufferSize;
  }

  cpu(cpu: number): CpuRing {
    let ring = this.rings[cpu];
    if (!ring) {
      ring = new CpuRing(cpu, this.abi, this.take, this.subBufferSize);
      this.rings[cpu] = ring;
    }
    return ring;
  }

  /** Hands out what all CPUs have, unfinished sub-buffers included. */
  flush(): void {
    for (const ring of this.rings) ring?.flush();
  }
}

import { FRAME_SIZE, frameOf, framesIn } from '../../kernel/units.ts';

/** IOVA pages of one chunk. */
const CHUNK = 512;

/** A mark that no mapping has made: the tables said something that nobody has put there. */
export const NO_STAMP = -1;

interface Chunk {
  readonly stamp: Float64Array;
  readonly frame: Float64Array;
}

/**
 * When each IOVA page was mapped last, and to what: the truth's own memory of `iommu_map()`, which the page tables do
 * not have. An unmap takes nothing away: whether something translates is for the tables and caches to say.
 */
export class MappingStamps {
  private readonly domains = new Map<number, Map<number, Chunk>>();
  /** The chunk that was asked for last: maps of one driver lie side by side. */
  private last:
    | { readonly chunks: Map<number, Chunk>; readonly key: number; readonly chunk: Chunk }
    | undefined;

  mapped(domain: number, iova: number, phys: number, size: number, stamp: number): void {
    let chunks = this.domains.get(domain);
    if (!chunks) {
      chunks = new Map();
      this.domains.set(domain, chunks);
    }
    const end = frameOf(iova) + framesIn(iova, size);
    const frame = frameOf(phys);
    for (let page = frameOf(iova); page < end; ) {
      const chunk = this.chunkOf(chunks, Math.floor(page / CHUNK));
      const from = page % CHUNK;
      const to = Math.min(CHUNK, from + end - page);
      chunk.stamp.fill(stamp, from, to);
      const first = frame + page - frameOf(iova);
      for (let at = from; at < to; at++) chunk.frame[at] = first + at - from;
      page += to - from;
    }
  }

  /** The mark of the mapping from `iova` to `phys`; {@link NO_STAMP} where the last one led elsewhere. */
  stampOf(domain: number, iova: number, phys: number): number {
    const page = frameOf(iova);
    const chunk = this.domains.get(domain)?.get(Math.floor(page / CHUNK));
    if (!chunk || chunk.frame[page % CHUNK] !== Math.floor(phys / FRAME_SIZE)) return NO_STAMP;
    return chunk.stamp[page % CHUNK] as number;
  }

  private chunkOf(chunks: Map<number, Chunk>, key: number): Chunk {
    if (this.last?.chunks === chunks && this.last.key === key) return this.last.chunk;
    let chunk = chunks.get(key);
    if (!chunk) {
      chunk = { stamp: new Float64Array(CHUNK).fill(NO_STAMP), frame: new Float64Array(CHUNK).fill(-1) };
      chunks.set(key, chunk);
    }
    this.last = { chunks, key, chunk };
    return chunk;
  }
}

/** Who tells of flushes, from the least to the most exact; a source listens only to the best that it has seen. */
export const QUEUE_ENTRIES = 1;
export const CACHE_TAGS = 2;
export const FUNCTION_ENTRIES = 3;
export const FUNCTION_RETURNS = 4;

/** Which events of a trace tell of flushes. */
export class FlushWitness {
  private best = 0;

  /** Whether to listen to `witness`: not when a better one was heard, which tells of the same flush. */
  isHeard(witness: number): boolean {
    if (witness < this.best) return false;
    this.best = witness;
    return true;
  }
}

import { Session } from 'node:inspector/promises';

/** Where a function stands in the text of its script. */
interface Place {
  readonly startOffset: number;
  readonly endOffset: number;
}

/** What V8 has seen executed of one script, byte by byte of its text. */
export class Coverage {
  private readonly session = new Session();
  private readonly script: string;
  private covered = new Uint8Array(0);
  /** The functions that stand in a function, by its own place: their code is not executed with it. */
  private inner: Map<string, readonly Place[]> | undefined;
  /** Bytes of the script that were executed at least once. */
  bytes = 0;

  /** @param script what the URL of the script ends with */
  constructor(script: string) {
    this.script = script;
    this.session.connect();
  }

  async start(): Promise<void> {
    await this.session.post('Profiler.enable');
    await this.session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    await this.session.post('Profiler.takePreciseCoverage');
  }

  /** Code runs at its full speed again. */
  async stop(): Promise<void> {
    await this.session.post('Profiler.stopPreciseCoverage');
  }

  /** Places that were executed since the last call and never before: the first byte of each piece of code. */
  async news(): Promise<number[]> {
    const places: number[] = [];
    await this.forExecuted((at, isFirst) => {
      if (at >= this.covered.length) this.grow(at + 1);
      if (this.covered[at] === 1) return false;
      this.covered[at] = 1;
      this.bytes++;
      if (isFirst) places.push(at);
      return true;
    });
    return places;
  }

  /** Which of these places were executed since the last call. */
  async executed(places: ReadonlySet<number>): Promise<number[]> {
    const found = new Set<number>();
    await this.forExecuted(at => {
      if (places.has(at)) found.add(at);
      return false;
    });
    return [...found];
  }

  /** Calls `visit` for each byte that was executed; `isFirst` where it returned `false` for the byte before. */
  private async forExecuted(visit: (at: number, isFirst: boolean) => boolean): Promise<void> {
    const { result } = await this.session.post('Profiler.takePreciseCoverage');
    for (const { url, functions } of result) {
      if (!url.endsWith(this.script)) continue;
      this.inner ??= innerFunctions(functions.flatMap(({ ranges }) => ranges.slice(0, 1)));
      for (const { ranges } of functions) {
        const [whole] = ranges;
        if (!whole || whole.count === 0) continue;
        // An inner block with a count of 0 was not executed though the function around it was.
        const { startOffset, endOffset } = whole;
        const executed = new Uint8Array(endOffset - startOffset);
        for (const range of ranges) {
          const value = range.count > 0 ? 1 : 0;
          executed.fill(value, range.startOffset - startOffset, range.endOffset - startOffset);
        }
        for (const place of this.inner.get(keyOf(whole)) ?? []) {
          executed.fill(0, place.startOffset - startOffset, place.endOffset - startOffset);
        }
        let wasNew = false;
        for (let i = 0; i < executed.length; i++) {
          wasNew = executed[i] === 1 && visit(startOffset + i, !wasNew);
        }
      }
    }
  }

  private grow(length: number): void {
    const more = new Uint8Array(length * 2);
    more.set(this.covered);
    this.covered = more;
  }
}

function keyOf({ startOffset, endOffset }: Place): string {
  return `${startOffset}-${endOffset}`;
}

/** For each function those that stand directly in it. */
function innerFunctions(places: readonly Place[]): Map<string, Place[]> {
  const inner = new Map<string, Place[]>();
  const around: Place[] = [];
  const sorted = [...places].sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const place of sorted) {
    while (around.length > 0 && (around.at(-1) as Place).endOffset <= place.startOffset) around.pop();
    const outer = around.at(-1);
    if (outer) inner.set(keyOf(outer), [...(inner.get(keyOf(outer)) ?? []), place]);
    around.push(place);
  }
  return inner;
}

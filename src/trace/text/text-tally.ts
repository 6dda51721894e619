/** Events of one CPU, as far as they were read. */
export interface TextCpu {
  events: number;
  bytes: number;
  firstNs: number;
  lastNs: number;
}

/** Counts the lines and events of a text. */
export class TextTally {
  readonly cpus: (TextCpu | undefined)[] = [];
  lines = 0;
  events = 0;
  firstNs = Number.POSITIVE_INFINITY;
  lastNs = 0;
  /** Events that are earlier than the one before them on the same CPU. */
  disordered = 0;

  /** Counts an event whose line has so many bytes. */
  count(cpu: number, timeNs: number, bytes: number): void {
    this.events++;
    const state = this.cpus[cpu] ?? this.newCpu(cpu);
    if (state.events === 0) state.firstNs = timeNs;
    if (timeNs < state.lastNs) this.disordered++;
    state.events++;
    state.bytes += bytes;
    state.lastNs = timeNs;
    if (timeNs > this.lastNs) this.lastNs = timeNs;
    if (timeNs < this.firstNs) this.firstNs = timeNs;
  }

  private newCpu(cpu: number): TextCpu {
    const state: TextCpu = { events: 0, bytes: 0, firstNs: 0, lastNs: 0 };
    this.cpus[cpu] = state;
    return state;
  }
}

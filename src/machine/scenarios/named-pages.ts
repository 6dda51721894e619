/** Memory of a scenario that has a name: a page, or a block of them. */
export interface NamedPages {
  readonly name: string;
  readonly pfn: number;
  readonly pages: number;
  /** Address of the first byte. */
  readonly phys: number;
  readonly sizeBytes: number;
}

/** Equal neighbours as one: `[0, 1, 1]` is `0, 2 × 1`; where all are equal, the value alone. */
export function runsText(values: readonly number[]): string {
  const runs: { value: number; count: number }[] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last?.value === value) last.count++;
    else runs.push({ value, count: 1 });
  }
  if (runs.length === 1) return String(runs[0]?.value);
  return runs.map(({ value, count }) => (count === 1 ? String(value) : `${count} × ${value}`)).join(', ');
}

/** Which macro of the kernel printed a line; after an `oops` the kernel's task is dead. */
export type KernelLogLevel = 'WARN' | 'warn' | 'err' | 'oops';

/** One line of the simulated kernel's log. */
export interface KernelLogLine {
  readonly level: KernelLogLevel;
  /** The kernel's own function, `__iommu_debug_unmap_end`. */
  readonly site: string;
  readonly text: string;
}

/**
 * What the simulated kernel prints: `WARN_ON()`, `WARN_ON_ONCE()`, `pr_err()` and the like, so that a scenario can
 * say which warnings a real kernel would have shown.
 */
export class KernelLog {
  readonly lines: KernelLogLine[] = [];
  /** Lines that were printed, also those that {@link limit} kept out of {@link lines}. */
  printed = 0;
  private readonly limit: number;
  private readonly once = new Set<string>();
  private readonly countBySite = new Map<string, number>();

  /** @param limit lines that are kept; a random run prints many */
  constructor(limit = 100_000) {
    this.limit = limit;
  }

  /** `WARN_ON()` and `WARN()`: a splat with a stack each time. */
  warn(site: string, text: string): void {
    this.print({ level: 'WARN', site, text });
  }

  /** `WARN_ON_ONCE()` and `WARN_ONCE()`: once per boot and per place, which `key` names where a site has several. */
  warnOnce(site: string, text: string, key = site): void {
    if (this.once.has(key)) return;
    this.once.add(key);
    this.print({ level: 'WARN', site, text });
  }

  /** `pr_warn()`, `pr_err()`, `dev_err()`: a line without a stack. */
  say(level: 'warn' | 'err', site: string, text: string): void {
    this.print({ level, site, text });
  }

  /** A bug that a real kernel's task does not survive. The machine goes on, so that the rest can be seen. */
  oops(site: string, text: string): void {
    this.print({ level: 'oops', site, text });
  }

  /** How many lines a function of the kernel has printed. */
  countFrom(site: string): number {
    return this.countBySite.get(site) ?? 0;
  }

  private print(line: KernelLogLine): void {
    this.printed++;
    this.countBySite.set(line.site, this.countFrom(line.site) + 1);
    if (this.lines.length < this.limit) this.lines.push(line);
  }
}

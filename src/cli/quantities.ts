import { InvalidArgumentError } from 'commander';

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** Milliseconds of `90`, `90s`, `1.5m`, `2h`; a number alone is seconds. */
export function parseDurationMs(text: string): number {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|[smhd])?$/.exec(text) ?? [];
  const milliseconds = Number(amount) * (SECONDS[unit] as number) * 1000;
  if (amount === undefined || milliseconds <= 0) {
    throw new InvalidArgumentError('It must be a time such as 30, 30s, 5m or 2h.');
  }
  return milliseconds;
}

const NANOSECONDS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/** Nanoseconds of `500ns`, `2us`, `10ms`, `1s`, and of `0`. */
export function parseDurationNs(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ns|us|ms|s)$/.exec(text) ?? [];
  if (text === '0') return 0;
  if (amount === undefined || unit === undefined) {
    throw new InvalidArgumentError('It must be a time with its unit, such as 500ns, 2us, 10ms or 0.');
  }
  return Number(amount) * (NANOSECONDS[unit] as number);
}

const KIB: Readonly<Record<string, number>> = { K: 1, M: 1024, G: 1024 * 1024 };

/** KiB of `512K`, `8M`, `1G`; a number alone is KiB, as trace-cmd has it. */
export function parseSizeKib(text: string): number {
  const [, amount, unit = 'K'] = /^(\d+)([KMG])?(?:i?B)?$/i.exec(text) ?? [];
  const kib = Number(amount) * (KIB[unit.toUpperCase()] as number);
  if (amount === undefined || kib < 8) {
    throw new InvalidArgumentError('It must be a size of at least 8 KiB, such as 4096, 512K or 8M.');
  }
  return kib;
}

/** A whole number, 0 or greater. */
export function parseWholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 0 or greater.');
  return Number(text);
}

const UNITS = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const;

/** A whole number with separators: `157,170`. */
export function formatCount(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 page`, `511 pages`. The plural is the noun with an s, unless given. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(value)} ${value === 1 ? noun : plural}`;
}

/** How often: `once`, `3 times`. */
export function times(value: number): string {
  return value === 1 ? 'once' : `${formatCount(value)} times`;
}

/** A size, never rounded: in the largest unit that divides it, `2 MiB`, `1028 KiB`, `1,500 bytes`. */
export function formatSize(bytes: number): string {
  for (const [unit, size] of UNITS) {
    if (bytes >= size && bytes % size === 0) return `${formatCount(bytes / size)} ${unit}`;
  }
  return counted(bytes, 'byte');
}

/** A size for a glance: `1.2 MiB`, `48 KiB`. */
export function roughSize(bytes: number): string {
  for (const [unit, size] of UNITS) {
    if (bytes >= size)
      return `${(bytes / size).toFixed(bytes < 10 * size && bytes % size !== 0 ? 1 : 0)} ${unit}`;
  }
  return counted(bytes, 'byte');
}

/** With a capital first letter. */
export function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

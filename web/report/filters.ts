import type { PageData, PageFinding } from '../../src/report/page-data.ts';

export const SEVERITIES = ['error', 'warning', 'note'] as const;

/** What is looked for; an empty text or an absent value looks for everything. */
export interface Filter {
  readonly text: string;
  readonly severities: readonly string[];
  readonly rule: string;
  readonly driver: string;
  readonly device: string;
}

export const NO_FILTER: Filter = { text: '', severities: [], rule: '', driver: '', device: '' };

export function isFiltering(filter: Filter): boolean {
  return (
    filter.severities.length > 0 ||
    [filter.text, filter.rule, filter.driver, filter.device].some(value => value !== '')
  );
}

export function matches(finding: PageFinding, filter: Filter, text: string): boolean {
  const { severities, rule, driver, device } = filter;
  return (
    (severities.length === 0 || severities.includes(finding.severity)) &&
    (rule === '' || finding.rule === rule) &&
    (driver === '' || (finding.driver ?? 'unknown') === driver) &&
    (device === '' || (finding.device ?? 'unknown') === device) &&
    filter.text
      .toLowerCase()
      .split(/\s+/)
      .every(word => text.includes(word))
  );
}

/** Everything of a finding that a search looks through, functions in its stacks included. */
export function searchText(
  finding: PageFinding,
  { frames, stacks }: Pick<PageData, 'frames' | 'stacks'>,
): string {
  const { rule, severity, title, signature, driver, device, page, mapping, facts, story } = finding;
  const functions = story.flatMap(event => (stacks[event.stack] ?? []).map(frame => frames[frame]));
  const parts = [
    rule,
    severity,
    title,
    signature,
    driver,
    device,
    page?.pfn,
    page?.phys,
    mapping?.iova,
    mapping?.domain,
  ];
  const told = story.flatMap(({ task, pid }) => [task, String(pid)]);
  return [...parts, ...facts.map(({ value }) => value), ...told, ...functions].join('\n').toLowerCase();
}

/** The values that a field has in the findings, the most frequent first. */
export function valuesOf(
  findings: readonly PageFinding[],
  field: 'rule' | 'driver' | 'device',
): [string, number][] {
  const counts = new Map<string, number>();
  for (const finding of findings) {
    const value = finding[field] ?? 'unknown';
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
}

import { useContext, useMemo, useRef, useState } from 'preact/hooks';
import type { PageFinding, PageReport } from '../../src/report/page-data.ts';
import { formatCount } from '../../src/report/words.ts';
import { type Filter, isFiltering, matches, NO_FILTER, SEVERITIES, searchText, valuesOf } from './filters.ts';
import { FindingCard } from './finding.tsx';
import { useKeys } from './keys.ts';
import { StacksContext } from './stack.tsx';

/** Findings of which each is unfolded from the beginning. */
const UNFOLDED = 1;

/** The findings, with search and filters. */
export function Findings({ report }: { report: PageReport }) {
  const { findings } = report;
  const stacks = useContext(StacksContext);
  const [filter, setFilter] = useState(NO_FILTER);
  const [open, setOpen] = useState<ReadonlySet<number>>(
    () => new Set(findings.length <= UNFOLDED ? findings.keys() : []),
  );
  const search = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const texts = useMemo(() => findings.map(finding => searchText(finding, stacks)), [findings, stacks]);
  const shown = findings.flatMap((finding, index) =>
    matches(finding, filter, texts[index] ?? '') ? [{ finding, index }] : [],
  );

  const toggle = (index: number): void => {
    const next = new Set(open);
    if (!next.delete(index)) next.add(index);
    setOpen(next);
  };
  const move = (by: number): void => {
    const headings = [...(list.current?.querySelectorAll<HTMLElement>('.heading') ?? [])];
    const at = headings.indexOf(document.activeElement as HTMLElement);
    const next = headings[at < 0 ? (by > 0 ? 0 : headings.length - 1) : at + by];
    next?.focus();
    next?.scrollIntoView({ block: 'nearest' });
  };
  useKeys({
    '/': () => search.current?.focus(),
    j: () => move(1),
    k: () => move(-1),
    e: () =>
      setOpen(new Set(shown.every(({ index }) => open.has(index)) ? [] : shown.map(({ index }) => index))),
    Escape: () => setFilter(NO_FILTER),
  });

  if (findings.length === 0) return <section id="findings" />;
  return (
    <section id="findings" aria-labelledby="findings-title">
      <h2 id="findings-title">
        Findings{' '}
        <span class="quiet" role="status">
          {isFiltering(filter)
            ? `${formatCount(shown.length)} of ${formatCount(findings.length)}`
            : formatCount(findings.length)}
        </span>
      </h2>
      {findings.length > 1 && (
        <FilterBar findings={findings} filter={filter} change={setFilter} search={search} />
      )}
      <ol class="findings" ref={list}>
        {shown.map(({ finding, index }) => (
          <FindingCard
            key={index}
            finding={finding}
            number={index + 1}
            isOpen={open.has(index)}
            toggle={() => toggle(index)}
            trace={report.trace}
          />
        ))}
      </ol>
      {shown.length === 0 && (
        <p>
          No finding matches.{' '}
          <button type="button" class="plain" onClick={() => setFilter(NO_FILTER)}>
            Show all
          </button>
        </p>
      )}
    </section>
  );
}

interface FilterBarProps {
  readonly findings: readonly PageFinding[];
  readonly filter: Filter;
  readonly change: (filter: Filter) => void;
  readonly search: { current: HTMLInputElement | null };
}

function FilterBar({ findings, filter, change, search }: FilterBarProps) {
  const present = SEVERITIES.filter(severity => findings.some(finding => finding.severity === severity));
  const toggleSeverity = (severity: string): void => {
    const { severities } = filter;
    change({
      ...filter,
      severities: severities.includes(severity)
        ? severities.filter(one => one !== severity)
        : [...severities, severity],
    });
  };
  return (
    <search class="filters">
      <input
        ref={search}
        type="search"
        placeholder="Search: page, IOVA, function, task…  ( / )"
        aria-label="Search the findings"
        value={filter.text}
        onInput={event => change({ ...filter, text: event.currentTarget.value })}
        onKeyDown={event => {
          if (event.key !== 'Escape') return;
          change(NO_FILTER);
          event.currentTarget.blur();
        }}
      />
      {present.length > 1 && (
        <span class="chips">
          {present.map(severity => (
            <button
              type="button"
              class={`chip ${severity}`}
              aria-pressed={filter.severities.includes(severity)}
              onClick={() => toggleSeverity(severity)}
            >
              {severity}
            </button>
          ))}
        </span>
      )}
      {(['rule', 'driver', 'device'] as const).map(field => (
        <FieldFilter field={field} findings={findings} filter={filter} change={change} />
      ))}
    </search>
  );
}

interface FieldFilterProps extends Pick<FilterBarProps, 'findings' | 'filter' | 'change'> {
  readonly field: 'rule' | 'driver' | 'device';
}

function FieldFilter({ field, findings, filter, change }: FieldFilterProps) {
  const values = valuesOf(findings, field);
  if (values.length < 2) return null;
  return (
    <select
      aria-label={`Filter by ${field}`}
      value={filter[field]}
      onChange={event => change({ ...filter, [field]: event.currentTarget.value })}
    >
      <option value="">every {field}</option>
      {values.map(([value, count]) => (
        <option value={value}>
          {value} ({count})
        </option>
      ))}
    </select>
  );
}

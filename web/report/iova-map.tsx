import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { DomainSeries, IovaRow, Series } from '../../src/findings/series.ts';
import { formatMoment } from '../../src/report/durations.ts';
import type { PageReport } from '../../src/report/page-data.ts';
import { counted, formatSize } from '../../src/report/words.ts';
import { useWidth } from './use-width.ts';

const ROW = 9;
/** Between rows that are not neighbours in IOVA space. */
const BREAK = 7;
/** Columns for the addresses. */
const NAMES = 132;

interface IovaMapsProps {
  readonly series: Series;
  readonly report: PageReport;
  readonly theme: string;
}

/** What each domain had mapped where, over time. */
export function IovaMaps({ series, report, theme }: IovaMapsProps) {
  const [selected, select] = useState(0);
  const domain = series.domains[selected];
  return (
    <section aria-labelledby="iova-title">
      <h2 id="iova-title">
        IOVA space over time
        {series.domains.length > 1 && (
          <select
            aria-label="Domain"
            value={selected}
            onChange={event => select(Number(event.currentTarget.value))}
          >
            {series.domains.map((one, index) => (
              <option value={index}>{nameOf(one)}</option>
            ))}
          </select>
        )}
      </h2>
      {domain !== undefined && (
        <IovaMap key={selected} domain={domain} series={series} report={report} theme={theme} />
      )}
      {series.domainsOmitted > 0 && (
        <p class="quiet">{counted(series.domainsOmitted, 'more domain')} with fewer mappings left out.</p>
      )}
    </section>
  );
}

/** Steps of the series on the time of the whole trace, as the chart above it has it. */
interface Scale {
  readonly columns: number;
  x(step: number): number;
  stepAt(x: number): number;
  /** Where events were lost. */
  readonly lost: readonly (readonly [from: number, to: number])[];
}

interface Cell {
  readonly row: number;
  readonly step: number;
}

function IovaMap({ domain, series, report, theme }: { domain: DomainSeries } & IovaMapsProps) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cell, setCell] = useState<Cell>();
  const tops = useMemo(() => topsOf(domain), [domain]);
  const height = (tops.at(-1) ?? 0) + ROW + 2;
  const scale = scaleOf(series, report, width - NAMES);
  const { steps } = series;

  useEffect(() => {
    const element = canvas.current;
    if (element !== null && width > 0) draw(element, domain, tops, scale, height, cell);
  }, [domain, width, theme, cell]);

  const at = (event: MouseEvent): void => {
    const { left, top } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const row = tops.findLastIndex(y => y <= event.clientY - top);
    const step = scale.stepAt(event.clientX - left - NAMES);
    setCell(row >= 0 && step >= 0 && step < steps ? { row, step } : undefined);
  };
  const move = (event: KeyboardEvent): void => {
    const by = ARROWS[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const { row, step } = cell ?? { row: 0, step: 0 };
    setCell({
      row: Math.min(domain.rows.length - 1, Math.max(0, row + by.row)),
      step: Math.min(steps - 1, Math.max(0, step + by.step)),
    });
  };
  return (
    <div class="iova-map" ref={ref}>
      <p class="quiet">
        {nameOf(domain)} · {counted(domain.made, 'mapping')} made · each row is {formatSize(domain.rowBytes)}{' '}
        of IOVA space; parts that were never mapped are left out
      </p>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={`IOVA space of ${nameOf(domain)}; the arrow keys tell of each part`}
        onMouseMove={at}
        onMouseLeave={() => setCell(undefined)}
        onKeyDown={move}
        onBlur={() => setCell(undefined)}
      />
      <p class="axis quiet">
        <span>{formatMoment(report.trace.firstNs)}</span>
        <span>{formatMoment(report.trace.lastNs)}</span>
      </p>
      <p class="cell-told" role="status">
        {cell === undefined ? ' ' : cellText(cell, domain, series)}
      </p>
    </div>
  );
}

function scaleOf({ startNs, stepNs, steps }: Series, { trace, lost }: PageReport, width: number): Scale {
  const columns = Math.max(1, width);
  const perNs = columns / Math.max(1, trace.lastNs - trace.firstNs);
  const at = (timeNs: number): number => Math.min(columns, Math.max(0, (timeNs - trace.firstNs) * perNs));
  return {
    columns,
    x: step => (step >= steps ? columns : at(startNs + step * stepNs)),
    stepAt: x => Math.floor((x / perNs + trace.firstNs - startNs) / stepNs),
    lost: lost.windows.map(({ sinceNs, untilNs }) => [
      at(sinceNs ?? trace.firstNs),
      at(untilNs ?? trace.lastNs),
    ]),
  };
}

const ARROWS: Readonly<Record<string, Cell>> = {
  ArrowLeft: { row: 0, step: -1 },
  ArrowRight: { row: 0, step: 1 },
  ArrowUp: { row: -1, step: 0 },
  ArrowDown: { row: 1, step: 0 },
};

function nameOf({ domain, devices }: DomainSeries): string {
  const owner = devices.length > 0 ? ` (${devices.join(', ')})` : '';
  return `${domain === undefined ? 'all domains' : `domain ${domain}`}${owner}`;
}

function cellText({ row, step }: Cell, domain: DomainSeries, { startNs, stepNs }: Series): string {
  const found = domain.rows[row];
  if (found === undefined) return '';
  const end = BigInt(found.iova) + BigInt(domain.rowBytes) - 1n;
  const bytes = bytesAt(found, step);
  return `${found.iova} to 0x${end.toString(16)} at ${formatMoment(startNs + step * stepNs)}: ${bytes === 0 ? 'nothing' : formatSize(bytes)} mapped`;
}

function bytesAt({ mapped }: IovaRow, step: number): number {
  return mapped.findLast(([from]) => from <= step)?.[1] ?? 0;
}

/** Where each row begins: a gap in IOVA space is a gap in the picture. */
function topsOf({ rows, rowBytes }: DomainSeries): number[] {
  let y = 2;
  return rows.map(({ iova }, index) => {
    const before = rows[index - 1];
    if (before !== undefined) y += ROW + (Number(iova) - Number(before.iova) > rowBytes ? BREAK : 0);
    return y;
  });
}

function draw(
  canvas: HTMLCanvasElement,
  { rows, rowBytes }: DomainSeries,
  tops: readonly number[],
  scale: Scale,
  height: number,
  cell: Cell | undefined,
): void {
  const width = NAMES + scale.columns;
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  if (context === null) return;
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  context.scale(devicePixelRatio, devicePixelRatio);
  context.font = '11px ui-monospace, monospace';
  for (const [index, row] of rows.entries()) {
    const y = tops[index] ?? 0;
    const isFirstOfRun = index === 0 || y - (tops[index - 1] ?? 0) > ROW;
    context.fillStyle = color('--lane');
    context.fillRect(NAMES, y, scale.columns, ROW - 1);
    if (isFirstOfRun) {
      context.fillStyle = color('--quiet');
      context.fillText(row.iova, 0, y + ROW - 1, NAMES - 8);
    }
    context.fillStyle = color('--mapping');
    for (const [change, [step, bytes]] of row.mapped.entries()) {
      if (bytes === 0) continue;
      const from = scale.x(step);
      const to = scale.x(row.mapped[change + 1]?.[0] ?? Number.POSITIVE_INFINITY);
      context.globalAlpha = 0.25 + 0.75 * Math.min(1, bytes / rowBytes);
      context.fillRect(NAMES + from, y, Math.max(1, to - from), ROW - 1);
    }
    context.globalAlpha = 1;
  }
  context.fillStyle = color('--loss');
  for (const [from, to] of scale.lost) context.fillRect(NAMES + from, 0, Math.max(2, to - from), height);
  if (cell === undefined) return;
  const left = scale.x(cell.step);
  context.strokeStyle = color('--ink');
  context.strokeRect(
    NAMES + left - 0.5,
    (tops[cell.row] ?? 0) - 0.5,
    Math.max(3, scale.x(cell.step + 1) - left) + 1,
    ROW,
  );
}

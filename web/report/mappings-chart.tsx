import { useEffect, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { DeviceSeries, Series } from '../../src/findings/series.ts';
import type { PageReport } from '../../src/report/page-data.ts';
import { counted, formatCount, formatSize } from '../../src/report/words.ts';
import { useWidth } from './use-width.ts';

/** Lines in the chart; more than this nobody can tell apart. */
const MOST_LINES = 8;

interface ChartProps {
  readonly series: Series;
  readonly report: PageReport;
  readonly theme: string;
}

/** Live mappings of each device over time. */
export function MappingsChart({ series, report, theme }: ChartProps) {
  const [unit, setUnit] = useState<'mappings' | 'bytes'>('mappings');
  const [ref, width] = useWidth<HTMLDivElement>();
  const devices = series.devices.slice(0, MOST_LINES);
  const more = series.devices.length - devices.length + series.devicesOmitted;

  useEffect(() => {
    const element = ref.current;
    if (element === null || width === 0) return;
    const plot = new uPlot(
      optionsFor(devices, unit, width, report),
      dataOf(series, devices, unit, report),
      element,
    );
    return () => plot.destroy();
    // A new theme has new colours, which a canvas takes only when it is drawn.
  }, [series, unit, width, theme]);

  return (
    <section aria-labelledby="mappings-title">
      <h2 id="mappings-title">
        Mappings live over time
        <span class="switch">
          {(['mappings', 'bytes'] as const).map(one => (
            <button type="button" class="plain" aria-pressed={unit === one} onClick={() => setUnit(one)}>
              {one}
            </button>
          ))}
        </span>
      </h2>
      <div
        class="chart"
        ref={ref}
        role="img"
        aria-label={devices.map(device => `${nameOf(device)}: ${madeWords(device)}`).join('; ')}
      />
      <p class="quiet">
        The highest number in each step of time.
        {more > 0 && ` ${counted(more, 'more device')} with fewer mappings left out.`}
        {report.lost.windows.length > 0 && ' Shaded: events were lost.'}
      </p>
    </section>
  );
}

function nameOf({ device }: DeviceSeries): string {
  return device ?? 'unknown device';
}

function madeWords({ made, live }: DeviceSeries): string {
  return `${counted(made, 'mapping')} made, ${formatCount(live)} live at the end`;
}

/** Seconds on the trace's clock, and the values; before the first mapping there is none. */
function dataOf(
  series: Series,
  devices: readonly DeviceSeries[],
  unit: 'mappings' | 'bytes',
  { trace }: PageReport,
): uPlot.AlignedData {
  const steps = Array.from(
    { length: series.steps },
    (_, step) => (series.startNs + step * series.stepNs) / 1e9,
  );
  const lines = devices.map(device => {
    const values = device[unit];
    return [0, ...steps.map((_, step) => values[Math.min(step, values.length - 1)] ?? 0)];
  });
  return [[Math.min(trace.firstNs / 1e9, steps[0] ?? 0), ...steps], ...lines];
}

function optionsFor(
  devices: readonly DeviceSeries[],
  unit: 'mappings' | 'bytes',
  width: number,
  report: PageReport,
): uPlot.Options {
  const color = (name: string): string =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = {
    stroke: color('--quiet'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line') },
  };
  const format = (value: number): string => (unit === 'bytes' ? shortSize(value) : formatCount(value));
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return {
    width,
    height: 240,
    cursor: { y: false },
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.08)] } },
    legend: { live: true },
    axes: [
      { ...axis, font, values: (_, ticks) => ticks.map(tick => `${tick} s`) },
      {
        ...axis,
        font,
        size: 64,
        values: (_, ticks) => ticks.map(tick => (Number.isInteger(tick) ? format(tick) : '')),
      },
    ],
    series: [
      { label: 'time', value: (_, value) => (value === null ? 'the whole trace' : `${value.toFixed(6)} s`) },
      ...devices.map((device, index) => ({
        label: nameOf(device),
        stroke: color(`--series-${index + 1}`),
        width: 1.75,
        ...(stepped && { paths: stepped }),
        points: { show: false },
        value: (_: uPlot, value: number | null) =>
          value === null ? madeWords(device) : unit === 'bytes' ? formatSize(value) : formatCount(value),
      })),
    ],
    hooks: { drawClear: [plot => shadeLoss(plot, report, color('--loss'))] },
  };
}

/** Where events were lost, nothing is known of what was mapped. */
function shadeLoss(plot: uPlot, { lost, trace }: PageReport, fill: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = fill;
  for (const { sinceNs = trace.firstNs, untilNs = trace.lastNs } of lost.windows) {
    const from = Math.max(bbox.left, plot.valToPos(sinceNs / 1e9, 'x', true));
    const to = Math.min(bbox.left + bbox.width, plot.valToPos(untilNs / 1e9, 'x', true));
    if (to > from) ctx.fillRect(from, bbox.top, Math.max(2, to - from), bbox.height);
  }
  ctx.restore();
}

function shortSize(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size) return `${Number((bytes / size).toPrecision(3))} ${unit}`;
  }
  return `${bytes} B`;
}

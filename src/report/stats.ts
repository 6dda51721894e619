import type { TraceStats } from '../findings/trace-stats.ts';
import { formatMoment } from './durations.ts';
import { toJson } from './json.ts';
import { joinParagraphs, type Paragraph } from './paragraphs.ts';
import { printable } from './printable.ts';
import { section } from './section.ts';
import { capabilityLists, checkLists } from './stats-abilities.ts';
import { traceOverview } from './stats-trace.ts';
import { newPage, type Page } from './style.ts';
import { type Column, tableLines } from './table.ts';
import { aboutTrace, loss, unreadable } from './text-limits.ts';
import { formatCount, formatSize } from './words.ts';

export interface StatsOptions {
  readonly color: boolean;
  /** Columns of the terminal; tables may be wider. */
  readonly width: number;
}

/** What a trace holds, for people: where it comes from, its events, what is missing, what can be checked with it. */
export function renderStats(stats: TraceStats, options: StatsOptions): string {
  const page = newPage(options.width, options.color);
  const shown = printable(stats);
  const lines = joinParagraphs([
    traceOverview(shown, page),
    bufferTable(shown, page),
    eventTable(shown, page),
    cpuTable(shown, page),
    ...capabilityLists(shown.trace.capabilities, page),
    ...checkLists(shown.checks, page),
    aboutTrace(shown.notes, page),
    unreadable(shown.gaps, page),
    loss(shown.lost, page),
  ]);
  return `${lines.join('\n')}\n`;
}

/** The same for programs. */
export function renderStatsJson(stats: TraceStats): string {
  return toJson(stats);
}

/** Only where there is more than the main buffer. */
function bufferTable({ buffers }: TraceStats, page: Page): Paragraph {
  if (buffers.length < 2) return [];
  const columns: Column[] = [{ title: 'Buffer' }, { title: 'Clock' }, { title: 'CPUs', numeric: true }];
  const rows = buffers.map(({ name, clock, cpus }) => [name || '(main)', clock, String(cpus)]);
  return section('Buffers', tableLines(columns, rows), page);
}

function eventTable({ events }: TraceStats, page: Page): Paragraph {
  if (events.length === 0) return ['The trace holds no events.'];
  const columns: Column[] = [
    { title: 'Count', numeric: true },
    { title: 'Event' },
    { title: 'ID', numeric: true },
  ];
  const rows = events.map(({ system, name, count, id }) => [
    formatCount(count),
    `${system}:${name}`,
    String(id),
  ]);
  return section('Events recorded', tableLines(columns, rows), page);
}

function cpuTable({ perCpu }: TraceStats, page: Page): Paragraph {
  if (perCpu.length === 0) return [];
  const columns: Column[] = ['CPU', 'Events', 'Size', 'Lost', 'First', 'Last'].map(title => ({
    title,
    numeric: true,
  }));
  const rows = perCpu.map(({ cpu, events, bytes, lost, firstNs, lastNs }) => [
    String(cpu),
    formatCount(events),
    formatSize(bytes),
    lost < 0 ? 'unknown' : formatCount(lost),
    events > 0 ? formatMoment(firstNs) : '-',
    events > 0 ? formatMoment(lastNs) : '-',
  ]);
  return section('CPUs', tableLines(columns, rows), page);
}

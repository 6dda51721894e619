import type { TraceStats } from '../findings/trace-stats.ts';
import { formatDuration, formatMoment } from './durations.ts';
import { hasLoss, lossText } from './loss-words.ts';
import type { Paragraph } from './paragraphs.ts';
import type { Page } from './style.ts';
import { formatCount, formatSize } from './words.ts';
import { wrap } from './wrap.ts';

/** Where a trace comes from and what it covers, as labelled lines. */
export function traceOverview({ trace, lost }: TraceStats, page: Page): Paragraph {
  const { files, format, kernel, clock, cpus, pageSize, events, firstNs, lastNs } = trace;
  const span =
    events === 0
      ? 'nothing'
      : `${formatDuration(lastNs - firstNs)}, from ${formatMoment(firstNs)} to ${formatMoment(lastNs)}`;
  const labels: [name: string, value: string][] = [
    ['Format', format],
    ['Kernel', kernel ?? 'unknown'],
    ['Page size', formatSize(pageSize)],
    ['Clock', clock],
    ['Covers', span],
    ['CPUs', formatCount(cpus)],
    ['Events', formatCount(events)],
    ['Lost', hasLoss(lost) ? lossText(lost) : 'no events'],
  ];
  return [
    page.style.heading(files.join(', ')),
    ...labels.flatMap(([name, value]) => wrap(value, page.width, `  ${name}:`.padEnd(14), ' '.repeat(14))),
  ];
}

import type { LossSummary, LossWindow } from '../findings/check-report.ts';
import { formatMoment } from './durations.ts';
import { counted } from './words.ts';

/** Whether any event is missing. */
export function hasLoss(lost: LossSummary): boolean {
  return lost.events > 0 || lost.uncountedGaps > 0;
}

/** `20,956 events, and an unknown number in 1 gap`. */
export function lossText({ events, uncountedGaps }: LossSummary): string {
  const unknown = `an unknown number in ${counted(uncountedGaps, 'gap')}`;
  if (uncountedGaps === 0) return counted(events, 'event');
  return events === 0 ? unknown : `${counted(events, 'event')}, and ${unknown}`;
}

/** `CPU 0: 20,956 events between the start of the trace and 7.312001 s` */
export function lossWindow({ cpu, count, sinceNs, untilNs }: LossWindow): string {
  const lost = count < 0 ? 'an unknown number of events' : counted(count, 'event');
  const since = sinceNs === undefined ? 'the start of the trace' : formatMoment(sinceNs);
  const until = untilNs === undefined ? 'the end of the trace' : formatMoment(untilNs);
  return `CPU ${cpu}: ${lost} between ${since} and ${until}`;
}

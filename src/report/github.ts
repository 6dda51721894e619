import type { CheckReport } from '../findings/check-report.ts';
import type { Finding } from '../findings/finding.ts';
import { kernelFrames } from '../findings/recording-frames.ts';
import type { Severity } from '../findings/rule.ts';
import { formatLocation } from './location-words.ts';
import { hasLoss, lossText } from './loss-words.ts';
import { printable } from './printable.ts';
import { eventSentence } from './text-event.ts';
import { formatFrame } from './text-stack.ts';
import { counted } from './words.ts';

/** GitHub shows ten annotations of each level for a step, and drops the rest silently. */
const SHOWN_PER_LEVEL = 10;

/** Frames of the event at which the rule fired. */
const FRAMES = 6;

const LEVELS: readonly [Severity, string][] = [
  ['error', 'error'],
  ['warning', 'warning'],
  ['note', 'notice'],
];

/**
 * Workflow commands of GitHub Actions: an annotation for each finding, ten of each level at most, and a summary. What
 * a baseline knows is counted, not annotated.
 *
 * https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
 */
export function renderGithub(reports: readonly CheckReport[]): string {
  const shown = printable(reports);
  const fresh = shown.flatMap(({ findings }) => findings.filter(({ baseline }) => baseline !== 'known'));
  const lines: string[] = [];
  let hidden = 0;
  for (const [severity, command] of LEVELS) {
    const findings = fresh.filter(finding => finding.severity === severity);
    hidden += Math.max(0, findings.length - SHOWN_PER_LEVEL);
    for (const finding of findings.slice(0, SHOWN_PER_LEVEL)) {
      lines.push(annotation(command, `iommusan: ${finding.rule}`, message(finding)));
    }
  }
  for (const { trace, lost } of shown) {
    if (!hasLoss(lost)) continue;
    const text = `${trace.files.join(', ')}: ${lossText(lost)} lost; bugs may be missing here.`;
    lines.push(annotation('warning', 'iommusan: events lost', text));
  }
  lines.push(annotation('notice', 'iommusan', summary(shown, fresh, hidden)));
  return `${lines.join('\n')}\n`;
}

function annotation(command: string, title: string, text: string): string {
  return `::${command} title=${escapedProperty(title)}::${escaped(text)}`;
}

function message(finding: Finding): string {
  const { title, certainty, story, firedAt, signature } = finding;
  const fired = story[firedAt];
  const lines = [certainty === 'possible' ? `(possible) ${title}` : title];
  if (fired !== undefined) {
    lines.push(
      eventSentence(fired),
      ...kernelFrames(fired.stack)
        .slice(0, FRAMES)
        .map(frame => `    ${formatFrame(frame)}`),
    );
    if (fired.location !== undefined) lines.push(`trace: ${formatLocation(fired.location)}`);
  }
  return [...lines, `signature: ${signature}`].join('\n');
}

function summary(reports: readonly CheckReport[], fresh: readonly Finding[], hidden: number): string {
  const known = reports.flatMap(({ findings }) => findings).length - fresh.length;
  const suppressed = reports.reduce((sum, report) => sum + (report.suppressed?.length ?? 0), 0);
  const kinds = LEVELS.map(([severity]) =>
    counted(fresh.filter(found => found.severity === severity).length, severity),
  );
  return [
    `${counted(reports.length, 'trace')}: ${kinds.join(', ')}`,
    ...(known > 0 ? [`${known} known from the baseline`] : []),
    ...(suppressed > 0 ? [`${suppressed} suppressed`] : []),
    ...(hidden > 0 ? [`${counted(hidden, 'more finding')} not shown here`] : []),
  ].join('; ');
}

function escaped(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapedProperty(text: string): string {
  return escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

import type { Log, Notification, ReportingDescriptor, Result, Run } from 'sarif';
import type { CheckReport, FindingSummary, SuppressedFinding } from '../findings/check-report.ts';
import type { Finding } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';
import { hex } from '../kernel/units.ts';
import { toJson } from './json.ts';
import { hasLoss, lossText } from './loss-words.ts';
import { printable } from './printable.ts';
import { locationsOf, stacksOf, threadFlowLocations, uriOf } from './sarif-location.ts';

/** The version of how `partialFingerprints` are made: that of the signature. */
const FINGERPRINT = 'iommusanSignature/v1';

/**
 * The verdict as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html): one run for each
 * trace, stories as code flows. Kernel stacks carry functions and modules, no source lines.
 *
 * @param rules what this iommusan can find, for the titles and advice of the rules
 */
export function renderSarif(reports: readonly CheckReport[], rules: readonly Rule[]): string {
  const log: Log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: printable(reports).map(report => runOf(report, rules)),
  };
  return toJson(log);
}

function runOf(report: CheckReport, rules: readonly Rule[]): Run {
  const { tool, trace, findings, suppressed = [], baseline } = report;
  const descriptors = descriptorsFor(report, rules);
  const indexOf = new Map(descriptors.map(({ id }, index) => [id, index]));
  const [file = '-'] = trace.files;
  const result = (finding: Finding): Result => resultOf(finding, file, indexOf.get(finding.rule) ?? -1);
  return {
    tool: { driver: { name: tool.name, version: tool.version, rules: descriptors } },
    invocations: [
      {
        executionSuccessful: true,
        toolExecutionNotifications: notifications(report),
        toolConfigurationNotifications: report.skippedChecks.map(({ rule, reason }) => ({
          level: 'note',
          message: { text: `Not checked: ${reason}` },
          associatedRule: { id: rule, index: indexOf.get(rule) ?? -1 },
        })),
      },
    ],
    artifacts: trace.files.map(name => ({ location: { uri: uriOf(name) }, roles: ['analysisTarget'] })),
    results: [
      ...findings.map(result),
      ...suppressed.map(one => suppressedResult(result(one.finding), one)),
      ...(baseline?.gone ?? []).map(gone => absentResult(gone, indexOf.get(gone.rule) ?? -1)),
    ],
    columnKind: 'utf16CodeUnits',
    properties: {
      ...(trace.kernel !== undefined && { kernel: trace.kernel }),
      format: trace.format,
      clock: trace.clock,
    },
  };
}

/** All rules, and those of a report by a newer iommusan, of which no more than the id is known. */
function descriptorsFor(
  { findings, suppressed = [], skippedChecks }: CheckReport,
  rules: readonly Rule[],
): ReportingDescriptor[] {
  const known = new Set(rules.map(({ id }) => id));
  const named = [
    ...findings.map(({ rule }) => rule),
    ...suppressed.map(({ finding }) => finding.rule),
    ...skippedChecks.map(({ rule }) => rule),
  ];
  const unknown = [...new Set(named)].filter(id => !known.has(id));
  return [
    ...rules.map(
      ({ id, title, severity, advice }): ReportingDescriptor => ({
        id,
        shortDescription: { text: title },
        ...(advice.length > 0 && {
          help: { text: advice.join('\n'), markdown: advice.map(step => `- ${step}`).join('\n') },
        }),
        defaultConfiguration: { level: severity },
      }),
    ),
    ...unknown.map(id => ({ id })),
  ];
}

function resultOf(finding: Finding, file: string, ruleIndex: number): Result {
  const { rule, severity, certainty, title, signature, count, pages, echoes, baseline } = finding;
  const stacks = stacksOf(finding);
  return {
    ruleId: rule,
    ruleIndex,
    level: severity,
    message: { text: certainty === 'possible' ? `(possible) ${title}` : title },
    locations: locationsOf(finding, file),
    partialFingerprints: { [FINGERPRINT]: signature },
    occurrenceCount: count,
    ...(stacks.length > 0 && { stacks }),
    ...(finding.story.length > 0 && {
      codeFlows: [
        {
          message: { text: 'The events that the verdict rests on, in order' },
          threadFlows: [{ locations: threadFlowLocations(finding, file) }],
        },
      ],
    }),
    ...(baseline !== undefined && { baselineState: baseline === 'new' ? 'new' : 'unchanged' }),
    properties: {
      certainty,
      pages,
      echoes,
      ...(finding.device !== undefined && { device: finding.device }),
      ...(finding.driver !== undefined && { driver: finding.driver }),
    },
  };
}

function suppressedResult(result: Result, { reason, file, line }: SuppressedFinding): Result {
  const location = {
    physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: { startLine: line } },
  };
  return { ...result, suppressions: [{ kind: 'external', justification: reason, location }] };
}

function absentResult({ rule, severity, signature, title }: FindingSummary, ruleIndex: number): Result {
  return {
    ruleId: rule,
    ruleIndex,
    level: severity,
    message: { text: title },
    partialFingerprints: { [FINGERPRINT]: signature },
    baselineState: 'absent',
  };
}

/** What a reader must know before trusting the verdict. */
function notifications({ notes, gaps, lost }: CheckReport): Notification[] {
  return [
    ...(hasLoss(lost) ? [note('warning', `Events lost: ${lossText(lost)}. Bugs may be missing here.`)] : []),
    ...gaps.map(({ file, offset, message }) => note('warning', `${file}, offset ${hex(offset)}: ${message}`)),
    ...notes.map(text => note('note', text)),
  ];
}

function note(level: Notification.level, text: string): Notification {
  return { level, message: { text } };
}

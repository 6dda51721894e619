import Builder from 'fast-xml-builder';
import type { CheckReport } from '../findings/check-report.ts';
import type { Finding } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';
import { printable } from './printable.ts';
import { newPage } from './style.ts';
import { findingLines } from './text-finding.ts';

interface TestCase {
  readonly '@name': string;
  readonly '@classname': string;
  readonly '@time': '0';
  readonly failure?: { readonly '@message': string; readonly '@type': string; readonly '#text': string };
  readonly skipped?: string;
  readonly 'system-out'?: string;
}

/**
 * The verdict as JUnit XML: a suite for each trace, a test for each rule that found nothing, and one for each finding,
 * named by rule and signature so that a CI server can follow it from run to run. Notes pass; what could not be
 * checked, is suppressed or known from the baseline is skipped.
 */
export function renderJunit(reports: readonly CheckReport[], rules: readonly Rule[]): string {
  const suites = printable(reports).map(report => {
    const [file = '-'] = report.trace.files;
    const cases = casesOf(report, rules, file);
    return {
      ...totals([cases]),
      '@skipped': skippedIn(cases),
      '@name': file,
      properties: propertiesOf(report),
      testcase: cases,
    };
  });
  const all = suites.map(({ testcase }) => testcase);
  const builder = new Builder({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    format: true,
    suppressEmptyNode: true,
  });
  const xml = builder.build({
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    testsuites: { ...totals(all), '@name': 'iommusan', testsuite: suites },
  });
  return xml.endsWith('\n') ? xml : `${xml}\n`;
}

function casesOf(
  { findings, suppressed = [], skippedChecks }: CheckReport,
  rules: readonly Rule[],
  file: string,
): TestCase[] {
  const reason = new Map(skippedChecks.map(skipped => [skipped.rule, skipped.reason]));
  const found = new Set([...findings, ...suppressed.map(({ finding }) => finding)].map(({ rule }) => rule));
  const quiet = rules.filter(({ id }) => !found.has(id));
  return [
    ...findings.map(finding => caseOfFinding(finding, file)),
    ...suppressed.map(({ finding, reason: why }) => ({
      ...named(`${finding.rule} ${finding.signature}`, file),
      skipped: `suppressed: ${why}`,
    })),
    ...quiet.map(({ id }) => {
      const skipped = reason.get(id);
      return { ...named(id, file), ...(skipped !== undefined && { skipped }) };
    }),
  ];
}

function caseOfFinding(finding: Finding, file: string): TestCase {
  const test = named(`${finding.rule} ${finding.signature}`, file);
  const text = findingLines(finding, newPage(100, false)).join('\n');
  if (finding.baseline === 'known') return { ...test, skipped: `known from the baseline: ${finding.title}` };
  if (finding.severity === 'note') return { ...test, 'system-out': text };
  return { ...test, failure: { '@message': finding.title, '@type': finding.severity, '#text': text } };
}

function named(name: string, file: string): Pick<TestCase, '@name' | '@classname' | '@time'> {
  return { '@name': name, '@classname': `iommusan.${file.replaceAll('.', '_')}`, '@time': '0' };
}

function totals(suites: readonly (readonly TestCase[])[]): Readonly<Record<string, string>> {
  const cases = suites.flat();
  return {
    '@tests': String(cases.length),
    '@failures': String(cases.filter(({ failure }) => failure !== undefined).length),
    '@errors': '0',
    '@time': '0',
  };
}

function skippedIn(cases: readonly TestCase[]): string {
  return String(cases.filter(({ skipped }) => skipped !== undefined).length);
}

function propertiesOf({ trace, tool, lost }: CheckReport): {
  property: { '@name': string; '@value': string }[];
} {
  const properties = {
    iommusan: tool.version,
    kernel: trace.kernel ?? 'unknown',
    events: String(trace.events),
    eventsLost: String(lost.events),
    uncountedGaps: String(lost.uncountedGaps),
  };
  return {
    property: Object.entries(properties).map(([name, value]) => ({ '@name': name, '@value': value })),
  };
}

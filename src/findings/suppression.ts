import type { CheckReport, SuppressedFinding } from './check-report.ts';
import type { Finding } from './finding.ts';

/** What a suppression may ask of a finding. In each text `*` stands for any characters, none included. */
export interface SuppressionCriteria {
  readonly rule?: string;
  readonly driver?: string;
  readonly device?: string;
  /** A function in any stack of the finding's story. */
  readonly function?: string;
  readonly signature?: string;
}

/** Findings that somebody has decided to live with, and why. */
export interface Suppression extends SuppressionCriteria {
  readonly reason: string;
  /** Where it is written. */
  readonly file: string;
  readonly line: number;
}

/** Applies a list of suppressions to reports, and knows which of them were needed. */
export class Suppressions {
  private readonly matchers: readonly Matcher[];
  private readonly used = new Set<Suppression>();

  constructor(suppressions: readonly Suppression[]) {
    this.matchers = suppressions.map(suppression => ({ suppression, matches: matcherOf(suppression) }));
  }

  /** The report with the findings that are suppressed set apart; the first suppression that matches is the one named. */
  apply(report: CheckReport): CheckReport {
    const findings: Finding[] = [];
    const suppressed: SuppressedFinding[] = [];
    for (const finding of report.findings) {
      const matching = this.matchers.filter(({ matches }) => matches(finding));
      for (const { suppression } of matching) this.used.add(suppression);
      const [first] = matching;
      if (first === undefined) findings.push(finding);
      else {
        const { reason, file, line } = first.suppression;
        suppressed.push({ reason, file, line, finding });
      }
    }
    return suppressed.length === 0 ? report : { ...report, findings, suppressed };
  }

  /** Suppressions that no finding of any report so far has needed. */
  unused(): Suppression[] {
    return this.matchers.flatMap(({ suppression }) => (this.used.has(suppression) ? [] : [suppression]));
  }
}

interface Matcher {
  readonly suppression: Suppression;
  readonly matches: (finding: Finding) => boolean;
}

function matcherOf(criteria: SuppressionCriteria): Matcher['matches'] {
  const rule = patternOf(criteria.rule);
  const driver = patternOf(criteria.driver);
  const device = patternOf(criteria.device);
  const signature = patternOf(criteria.signature);
  const inStack = patternOf(criteria.function);
  return finding =>
    (rule?.test(finding.rule) ?? true) &&
    (driver?.test(finding.driver ?? '') ?? true) &&
    (device?.test(finding.device ?? '') ?? true) &&
    (signature?.test(finding.signature) ?? true) &&
    (inStack === undefined ||
      finding.story.some(({ stack }) =>
        stack.some(({ symbol }) => symbol !== undefined && inStack.test(symbol)),
      ));
}

function patternOf(text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined;
  const literals = text.split('*').map(literal => literal.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  // The s flag: a name from a trace may hold anything.
  return new RegExp(`^${literals.join('.*')}$`, 's');
}

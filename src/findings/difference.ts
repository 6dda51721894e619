import { findingsOf } from './baseline.ts';
import type { CheckReport } from './check-report.ts';
import type { Finding } from './finding.ts';

/** A property of a finding that is not what it was. */
export interface Change {
  readonly name: 'severity' | 'certainty' | 'count' | 'pages' | 'device';
  readonly before: string;
  readonly after: string;
}

/** One bug, as two runs saw it. */
export interface ChangedFinding {
  readonly finding: Finding;
  readonly changes: readonly Change[];
}

/** What is different between two verdicts, bug by bug: the JSON of `iommusan diff` is this object. */
export interface Difference {
  readonly schemaVersion: 1;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Only in the second. */
  readonly new: readonly Finding[];
  /** Only in the first. */
  readonly gone: readonly Finding[];
  /** In both, but not equal; `finding` is that of the second. */
  readonly changed: readonly ChangedFinding[];
  /** In both, and equal in everything that is compared. */
  readonly same: number;
}

const COMPARED: readonly Change['name'][] = ['severity', 'certainty', 'count', 'pages', 'device'];

/** Compares two sets of reports by the signatures of their findings; several findings of one bug are one. */
export function differenceOf(before: readonly CheckReport[], after: readonly CheckReport[]): Difference {
  const earlier = bySignature(before);
  const later = bySignature(after);
  const changed: ChangedFinding[] = [];
  let same = 0;
  for (const [signature, finding] of later) {
    const old = earlier.get(signature);
    if (old === undefined) continue;
    const changes = changesBetween(old, finding);
    if (changes.length > 0) changed.push({ finding, changes });
    else same++;
  }
  return {
    schemaVersion: 1,
    before: before.flatMap(({ trace }) => trace.files),
    after: after.flatMap(({ trace }) => trace.files),
    new: [...later.values()].filter(({ signature }) => !earlier.has(signature)),
    gone: [...earlier.values()].filter(({ signature }) => !later.has(signature)),
    changed,
    same,
  };
}

/** The same bug in several traces is one, seen as often as in all of them. */
function bySignature(reports: readonly CheckReport[]): Map<string, Finding> {
  const found = new Map<string, Finding>();
  for (const finding of findingsOf(reports)) {
    const known = found.get(finding.signature);
    found.set(
      finding.signature,
      known === undefined
        ? finding
        : {
            ...known,
            certainty: known.certainty === 'certain' ? 'certain' : finding.certainty,
            count: known.count + finding.count,
            pages: known.pages + finding.pages,
          },
    );
  }
  return found;
}

function changesBetween(before: Finding, after: Finding): Change[] {
  return COMPARED.flatMap(name => {
    const [old, now] = [before[name], after[name]];
    return old === now ? [] : [{ name, before: String(old ?? 'unknown'), after: String(now ?? 'unknown') }];
  });
}

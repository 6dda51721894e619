import type { ComponentChildren } from 'preact';
import { hasLoss, lossText, lossWindow } from '../../src/report/loss-words.ts';
import type { PageReport } from '../../src/report/page-data.ts';
import { counted } from '../../src/report/words.ts';

/** Stands above the findings, so that nobody takes a verdict on half of the events for one on all of them. */
export function LossNotice({ report: { lost } }: { report: PageReport }) {
  if (!hasLoss(lost)) return null;
  return (
    <div class="loss" role="note">
      <strong>Events lost: {lossText(lost)}.</strong> Nothing is known about what happened in these gaps: bugs
      may be missing here, and findings that rest on them are called possible.
      <details>
        <summary>{counted(lost.windows.length, 'gap')}</summary>
        <ul>
          {lost.windows.map(window => (
            <li>{lossWindow(window)}</li>
          ))}
        </ul>
      </details>
    </div>
  );
}

/** What a reader must know before trusting the verdict. */
export function Limits({ report }: { report: PageReport }) {
  const { notes, skippedChecks, gaps, suppressed, baseline } = report;
  const byReason = new Map<string, string[]>();
  for (const { rule, reason } of skippedChecks) byReason.set(reason, [...(byReason.get(reason) ?? []), rule]);
  return (
    <section class="limits" aria-label="Limits of this verdict">
      <List title="About this trace" items={notes} />
      <List
        title="Not checked"
        items={[...byReason].map(([reason, rules]) => (
          <>
            <span class="rules">{rules.join(', ')}</span>: {reason}
          </>
        ))}
      />
      <List
        title="Parts of the input that could not be read"
        items={gaps.map(
          ({ file, offset, message }) => `${file}, offset 0x${offset.toString(16)}: ${message}`,
        )}
      />
      <List
        title="Suppressed"
        items={suppressed.map(
          ({ finding, reason, file, line }) =>
            `${finding.rule}: ${finding.title} (${file}, line ${line}: ${reason})`,
        )}
      />
      <List
        title="In the baseline, and gone"
        items={(baseline?.gone ?? []).map(({ rule, title, signature }) => `${rule}: ${title} (${signature})`)}
      />
    </section>
  );
}

function List({ title, items }: { title: string; items: readonly ComponentChildren[] }) {
  if (items.length === 0) return null;
  return (
    <>
      <h2>{title}</h2>
      <ul>
        {items.map(item => (
          <li>{item}</li>
        ))}
      </ul>
    </>
  );
}

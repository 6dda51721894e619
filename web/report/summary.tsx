import { formatDuration } from '../../src/report/durations.ts';
import { hasLoss, lossText } from '../../src/report/loss-words.ts';
import type { PageReport } from '../../src/report/page-data.ts';
import { counted, formatCount, formatSize } from '../../src/report/words.ts';
import { SEVERITIES } from './filters.ts';

/** What was looked at, and the verdict. */
export function Summary({ report }: { report: PageReport }) {
  const { trace, accounting, lost, baseline } = report;
  const known = report.findings.filter(finding => finding.baseline === 'known').length;
  return (
    <section class="summary" aria-label="Summary">
      <h1>
        <Verdict report={report} />
      </h1>
      <p class="quiet">
        {trace.kernel ?? 'kernel unknown'} · {trace.format} · clock {trace.clock}
        {accounting.mode === 'kernel' && ' · accounting of the in-kernel sanitizer'}
      </p>
      {baseline !== undefined && (
        <p>
          Compared with {baseline.file}: {formatCount(report.findings.length - known)} new,{' '}
          {formatCount(known)} known, {formatCount(baseline.gone.length)} gone.
        </p>
      )}
      <dl class="tiles">
        <Tile
          name="Traced"
          value={formatDuration(trace.lastNs - trace.firstNs)}
          more={counted(trace.cpus, 'CPU')}
        />
        <Tile
          name="Events"
          value={formatCount(trace.events)}
          more={hasLoss(lost) ? `lost: ${lossText(lost)}` : 'none lost'}
          alarm={hasLoss(lost)}
        />
        <Tile
          name="Mappings"
          value={formatCount(accounting.mappingsMade)}
          more={`${formatCount(accounting.mappingsLive)} live at the end, ${formatSize(accounting.bytesLive)}`}
        />
        <Tile
          name="Pages allocated"
          value={formatCount(accounting.pagesAllocated)}
          more={`${formatCount(accounting.pagesFreed)} freed`}
        />
        {accounting.kernelWarnings !== undefined && (
          <Tile
            name="Kernel warnings"
            value={formatCount(accounting.kernelWarnings)}
            more="that the in-kernel sanitizer would print"
          />
        )}
      </dl>
    </section>
  );
}

function Verdict({ report }: { report: PageReport }) {
  const { findings, findingsOmitted, suppressed, lost, gaps } = report;
  const parts = SEVERITIES.flatMap(severity => {
    const count = findings.filter(finding => finding.severity === severity).length;
    return count === 0 ? [] : [{ severity, text: counted(count, severity) }];
  });
  const hasFindings = parts.some(({ severity }) => severity !== 'note');
  return (
    <>
      {!hasFindings && (
        <span class="good">
          No DMA lifetime bug found
          {suppressed.length > 0 && ' beside what is suppressed'}
          {(hasLoss(lost) || gaps.length > 0) && ' in what could be read'}
        </span>
      )}
      {parts.map(({ severity, text }) => (
        <span class={`verdict ${severity}`}>{text}</span>
      ))}
      {findingsOmitted > 0 && (
        <span class="quiet"> the first of {formatCount(findings.length + findingsOmitted)}</span>
      )}
    </>
  );
}

function Tile({
  name,
  value,
  more,
  alarm = false,
}: {
  name: string;
  value: string;
  more: string;
  alarm?: boolean;
}) {
  return (
    <div class={alarm ? 'tile alarm' : 'tile'}>
      <dt>{name}</dt>
      <dd>
        <span class="number">{value}</span>
        <span class="more">{more}</span>
      </dd>
    </div>
  );
}

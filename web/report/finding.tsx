import type { TraceSummary } from '../../src/findings/check-report.ts';
import type { MappingRef } from '../../src/findings/finding.ts';
import { formatDuration, formatMoment } from '../../src/report/durations.ts';
import { labelsOf } from '../../src/report/finding-labels.ts';
import type { PageFinding } from '../../src/report/page-data.ts';
import { counted, formatSize, times } from '../../src/report/words.ts';
import { CopyButton } from './copy-button.tsx';
import { Story } from './story.tsx';
import { TimeLine } from './time-line.tsx';

interface FindingCardProps {
  readonly finding: PageFinding;
  readonly number: number;
  readonly isOpen: boolean;
  readonly toggle: () => void;
  readonly trace: TraceSummary;
}

/** One bug: a heading that unfolds. */
export function FindingCard({ finding, number, isOpen, toggle, trace }: FindingCardProps) {
  const { severity, certainty, rule, title, count, baseline } = finding;
  const body = `finding-${number}`;
  return (
    <li class={`finding ${severity}`}>
      <button type="button" class="heading" aria-expanded={isOpen} aria-controls={body} onClick={toggle}>
        <span class="line">
          <span class={`badge ${severity}`}>{severity}</span>
          {certainty === 'possible' && <span class="badge">possible</span>}
          {baseline !== undefined && <span class="badge">{baseline}</span>}
          <span class="rule">{rule}</span>
          {count > 1 && <span class="quiet">{times(count)}</span>}
          <span class="number-of quiet">{number}</span>
        </span>
        <span class="title">{title}</span>
      </button>
      <div id={body} class="body" hidden={!isOpen}>
        {isOpen && <FindingBody finding={finding} trace={trace} />}
      </div>
    </li>
  );
}

function FindingBody({ finding, trace }: Pick<FindingCardProps, 'finding' | 'trace'>) {
  const { certainty, reachable, otherMappings, advice, signature, count, pages, echoes, firstNs, lastNs } =
    finding;
  return (
    <>
      {certainty === 'possible' && (
        <p class="caution">
          Possible, not certain: lost events or an unknown domain leave room for another explanation.
        </p>
      )}
      <dl class="labels">
        {labelsOf(finding).map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        {count > 1 && (
          <div>
            <dt>Seen</dt>
            <dd>
              {times(count)} between {formatMoment(firstNs)} and {formatMoment(lastNs)},{' '}
              {counted(pages, 'page')}. What is shown is one of them.
            </dd>
          </div>
        )}
        {echoes > 0 && (
          <div>
            <dt>Repeated</dt>
            <dd>by {counted(echoes, 'later event')}</dd>
          </div>
        )}
      </dl>
      <TimeLine finding={finding} trace={trace} />
      {reachable !== undefined && (
        <p class="caution">
          For {formatDuration(reachable.durationNs)}
          {reachable.ended ? '' : ', until the end of the trace,'} the device could reach memory that was no
          longer its own. Whether it did is not visible: accesses of a device leave no event.
        </p>
      )}
      <Story finding={finding} />
      {otherMappings.length > 0 && (
        <>
          <h3>Other mappings that reached the same page at that time</h3>
          <ul class="mono">
            {otherMappings.map(mapping => (
              <li>{mappingText(mapping)}</li>
            ))}
          </ul>
        </>
      )}
      {advice.length > 0 && (
        <>
          <h3>What to look at next</h3>
          <ul class="advice">
            {advice.map(step => (
              <li>{step}</li>
            ))}
          </ul>
        </>
      )}
      <p class="signature quiet">
        signature <code>{signature}</code> <CopyButton text={signature} />
      </p>
    </>
  );
}

function mappingText({ iova, phys, sizeBytes, device, domain }: MappingRef): string {
  const parts = [`IOVA ${iova} to ${phys}`, formatSize(sizeBytes)];
  if (device !== undefined) parts.push(`device ${device}`);
  if (domain !== undefined) parts.push(`domain ${domain}`);
  return parts.join(', ');
}

import { ALL_CHECKS } from '../../src/checks/all-checks.ts';
import { Judge } from '../../src/checks/judge.ts';
import type { Certainty } from '../../src/findings/finding.ts';
import { TraceSource } from '../../src/trace/trace-source.ts';

/** One occurrence of a bug, by what does not depend on how much else the trace shows. */
export interface SeenIncident {
  readonly rule: string;
  readonly timeNs: number;
  readonly cpu: number;
  readonly certainty: Certainty;
  readonly title: string;
  /** The event only repeats an incident that was reported before it. */
  readonly isEcho: boolean;
}

/** Every incident that the checks report of a trace, before findings are made of them, and what repeats them. */
export async function incidentsOf(path: string): Promise<SeenIncident[]> {
  const seen: SeenIncident[] = [];
  const source = await TraceSource.open(path);
  const judge = new Judge({
    names: source.names,
    capabilities: source.capabilities,
    pageSize: source.description.pageSize,
    accounting: 'exact',
    checks: ALL_CHECKS.map(({ rule, create }) => ({
      rule,
      create(context) {
        const { findings } = context;
        const report: typeof findings.report = incident => {
          const { timeNs, cpu } = incident.fired.at;
          const { certainty, title } = incident;
          const known = { rule: incident.rule.id, certainty, title };
          seen.push({ ...known, timeNs, cpu, isEcho: false });
          const handle = findings.report(incident);
          return {
            ...handle,
            echo(role, at) {
              seen.push({ ...known, timeNs: at.timeNs, cpu: at.cpu, isEcho: true });
              handle.echo(role, at);
            },
          };
        };
        const listening = Object.assign(Object.create(findings), { report }) as typeof findings;
        return create({ ...context, findings: listening });
      },
    })),
  });
  const walked = source.run(judge.events);
  judge.finish(walked.lastNs);
  source.close();
  return seen;
}

import type { Capability } from '../kernel/source.ts';

/** `error`: a bug. `warning`: probably one. `note`: worth knowing; notes alone do not make a check fail. */
export type Severity = 'error' | 'warning' | 'note';

/** What a check looks for. Ids are stable for ever: suppressions, baselines and SARIF name them. */
export interface Rule {
  readonly id: string;
  readonly severity: Severity;
  /** The rule is at work only where it is asked for: what it finds is often harmless. */
  readonly isOffByDefault?: true;
  /** One line, without a full stop: what is wrong when this rule fires. */
  readonly title: string;
  /** What the source must show for the rule to work at all. */
  readonly needs: readonly Capability[];
  /** What to look at next, in the order in which an expert would. */
  readonly advice: readonly string[];
}

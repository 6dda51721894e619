import type { Rule } from '../findings/rule.ts';
import { closest } from './closest.ts';
import { UsageError } from './usage-error.ts';

/** Which checks were asked for on the command line; an empty list says nothing. */
export interface RuleSelection {
  readonly only: readonly string[];
  readonly enable: readonly string[];
  readonly skip: readonly string[];
}

/** Collects an option that may be repeated and may hold several ids: `--only a,b --only c`. */
export function collectRules(value: string, previous: readonly string[]): string[] {
  const ids = value.split(',').map(id => id.trim());
  return [...previous, ...ids.filter(id => id !== '')];
}

/**
 * Refuses rules that do not exist, and a selection that leaves nothing to check.
 *
 * @throws UsageError that lists the valid ids
 */
export function verifySelection({ only, enable, skip }: RuleSelection, rules: readonly Rule[]): void {
  for (const id of [...only, ...enable, ...skip]) findRule(id, rules);
  const selected = [...(only.length > 0 ? only : rules.map(({ id }) => id)), ...enable];
  if (skip.length > 0 && selected.every(id => skip.includes(id))) {
    throw new UsageError('--only and --skip together leave nothing to check.');
  }
}

/**
 * The rule with this id.
 *
 * @throws UsageError that lists the valid ids
 */
export function findRule(id: string, rules: readonly Rule[]): Rule {
  const rule = rules.find(candidate => candidate.id === id);
  if (rule) return rule;
  const ids = rules.map(candidate => candidate.id);
  const candidate = closest(id, ids);
  const hint = candidate === undefined ? '' : ` Did you mean '${candidate}'?`;
  throw new UsageError(`there is no check '${id}'.${hint}\nThe checks are: ${ids.join(', ')}`);
}

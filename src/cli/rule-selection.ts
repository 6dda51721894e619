import type { Rule } from '../findings/rule.ts';
import { closest } from './closest.ts';
import { UsageError } from './usage-error.ts';

/** Which checks were asked for on the command line; an empty list says nothing. */
export interface RuleSelection {
  readonly only: readonly string[];
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
export function verifySelection({ only, skip }: RuleSelection, rules: readonly Rule[]): void {
  const ids = rules.map(({ id }) => id);
  for (const id of [...only, ...skip]) {
    if (ids.includes(id)) continue;
    const candidate = closest(id, ids);
    const hint = candidate === undefined ? '' : ` Did you mean '${candidate}'?`;
    throw new UsageError(`there is no check '${id}'.${hint}\nThe checks are: ${ids.join(', ')}`);
  }
  const selected = only.length > 0 ? only : ids;
  if (skip.length > 0 && selected.every(id => skip.includes(id))) {
    throw new UsageError('--only and --skip together leave nothing to check.');
  }
}

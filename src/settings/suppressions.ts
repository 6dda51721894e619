import { isScalar, isSeq, type Node } from 'yaml';
import type { Suppression, SuppressionCriteria } from '../findings/suppression.ts';
import { readYaml, type YamlEntry, type YamlFile } from './yaml-file.ts';

const CRITERIA: readonly (keyof SuppressionCriteria)[] = [
  'rule',
  'driver',
  'device',
  'function',
  'signature',
];
const KEYS: readonly string[] = [...CRITERIA, 'reason'];

/**
 * Reads a file of suppressions: a YAML list, each entry with what it matches and why.
 *
 * @throws {@link SettingsError} with the line, for one without a reason or without anything to match
 */
export function parseSuppressions(text: string, file: string): Suppression[] {
  const yaml = readYaml(text, file);
  if (yaml.root === undefined || (isScalar(yaml.root) && yaml.root.value === null)) return [];
  if (!isSeq(yaml.root)) return yaml.fail('suppressions are a list: each begins with "- ".', yaml.root);
  return yaml.root.items.map(item => suppression(item as Node, yaml, file));
}

function suppression(item: Node, yaml: YamlFile, file: string): Suppression {
  const fields: Partial<Record<string, string>> = {};
  for (const { key, value } of yaml.entries(item, 'a suppression')) {
    if (!KEYS.includes(key))
      yaml.fail(`a suppression has no "${key}"; it may have ${KEYS.join(', ')}.`, value ?? item);
    fields[key] = textOf(key, value, item, yaml);
  }
  const { reason, ...criteria } = fields;
  if (reason === undefined) return yaml.fail('a suppression needs a reason: say why this may stay.', item);
  if (Object.keys(criteria).length === 0)
    return yaml.fail(`a suppression needs something to match: ${CRITERIA.join(', ')}.`, item);
  return { ...criteria, reason, file, line: yaml.lineOf(item) ?? 1 };
}

function textOf(key: string, value: YamlEntry['value'], item: Node, yaml: YamlFile): string {
  const text = isScalar(value) && value.value !== null ? (value.source ?? String(value.value)).trim() : '';
  return text === '' ? yaml.fail(`"${key}" of a suppression must be a text.`, value ?? item) : text;
}

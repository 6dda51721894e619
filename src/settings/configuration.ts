import { isScalar, isSeq, type Node } from 'yaml';
import { SettingsError } from './settings-error.ts';
import { readYaml, type YamlFile } from './yaml-file.ts';

/** What a configuration file says of one option, as it would be written on the command line. */
export interface ConfiguredOption {
  readonly file: string;
  readonly line: number;
  /** A list has one text for each of its entries. */
  readonly values: readonly string[];
}

/** Options by command and name without dashes: `check`, `max-lost`. */
export type Configuration = ReadonlyMap<string, ReadonlyMap<string, ConfiguredOption>>;

/**
 * Reads a configuration file: a section for each command, with its options by their long names. Whether they exist is
 * for the commands to say.
 *
 * @throws {@link SettingsError}
 */
export function parseConfiguration(text: string, file: string): Configuration {
  const yaml = readYaml(text, file);
  const commands = new Map<string, Map<string, ConfiguredOption>>();
  if (yaml.root === undefined || isEmpty(yaml.root)) return commands;
  for (const { key: command, value: section } of yaml.entries(yaml.root, 'a configuration')) {
    const options = new Map<string, ConfiguredOption>();
    commands.set(command, options);
    if (section === undefined || isEmpty(section)) continue;
    for (const { key, value, line } of yaml.entries(section, `"${command}"`)) {
      options.set(key, { file, line, values: valuesOf(value, key, line, file, yaml) });
    }
  }
  return commands;
}

function valuesOf(
  value: Node | undefined,
  key: string,
  line: number,
  file: string,
  yaml: YamlFile,
): readonly string[] {
  if (isSeq(value)) return value.items.flatMap(item => valuesOf(item as Node, key, line, file, yaml));
  if (!isScalar(value) || value.value === null) {
    throw new SettingsError(
      file,
      `"${key}" must be a text, a number, true or false, or a list of them.`,
      line,
    );
  }
  return [String(value.value)];
}

function isEmpty(node: Node): boolean {
  return isScalar(node) && node.value === null;
}

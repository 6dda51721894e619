import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { type Configuration, type ConfiguredOption, parseConfiguration } from '../settings/configuration.ts';
import { SettingsError } from '../settings/settings-error.ts';
import { closest } from './closest.ts';
import { CONFIG_FILE, CONFIG_VARIABLE, environmentName, isOurs } from './setting-names.ts';
import { UsageError } from './usage-error.ts';

/** What commander calls the places that a value comes from. */
type Source = 'default' | 'config' | 'env' | 'cli';

/** The value of an option, and where it comes from. */
export interface Setting {
  readonly option: Option;
  /** Name in the configuration file. */
  readonly key: string;
  readonly value: unknown;
  readonly source: Source;
  /** For people: `iommusan.yaml, line 3`, `IOMMUSAN_CHECK_FORMAT`. */
  readonly from: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration file: the one that was named, or `iommusan.yaml` in the current directory if there is one.
 *
 * @throws SettingsError for what it cannot mean: commands and options that do not exist
 */
export function loadConfiguration(
  program: Command,
  named: string | undefined,
  env: Environment,
): Configuration {
  const path = named ?? env[CONFIG_VARIABLE] ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined);
  if (path === undefined) return new Map();
  const configuration = parseConfiguration(readFileSync(path, 'utf8'), path);
  for (const [name, section] of configuration) {
    const command = program.commands.find(candidate => candidate.name() === name);
    if (command === undefined) {
      const names = program.commands.map(candidate => candidate.name());
      throw new SettingsError(path, `there is no command "${name}".${hint(name, names)}`);
    }
    const keys = settable(command).map(option => keyOf(option));
    for (const [key, { line }] of section) {
      if (keys.includes(key)) continue;
      throw new SettingsError(path, `"${name}" has no option "${key}".${hint(key, keys)}`, line);
    }
  }
  return configuration;
}

/** Every option of a command: flags before environment before file before default. */
export function settingsOf(command: Command, configuration: Configuration, env: Environment): Setting[] {
  const section = configuration.get(command.name());
  return settable(command).map(option => {
    const key = keyOf(option);
    const name = option.attributeName();
    const current: unknown = command.getOptionValue(name);
    if (command.getOptionValueSource(name) === 'cli') {
      return { option, key, value: current, source: 'cli', from: 'command line' };
    }
    const variable = environmentName(command.name(), key);
    const inEnvironment = env[variable];
    if (inEnvironment !== undefined && inEnvironment !== '') {
      const value = parsedValue(
        option,
        [inEnvironment],
        problem => new UsageError(`${variable}: ${problem}`),
      );
      return { option, key, value, source: 'env', from: variable };
    }
    const inFile = section?.get(key);
    if (inFile !== undefined) {
      const from = `${inFile.file}, line ${inFile.line}`;
      return { option, key, value: configuredValue(option, key, inFile), source: 'config', from };
    }
    return { option, key, value: current, source: 'default', from: 'default' };
  });
}

/** Gives the options of a command the values that environment and file have for them. */
export function applySettings(command: Command, configuration: Configuration, env: Environment): void {
  for (const { option, value, source } of settingsOf(command, configuration, env)) {
    if (source === 'env' || source === 'config')
      command.setOptionValueWithSource(option.attributeName(), value, source);
  }
}

/** Variables of the environment that look like ours and set nothing. */
export function unknownVariables(program: Command, env: Environment): string[] {
  const known = program.commands.flatMap(command =>
    settable(command).map(option => environmentName(command.name(), keyOf(option))),
  );
  return Object.keys(env).filter(name => isOurs(name) && name !== CONFIG_VARIABLE && !known.includes(name));
}

/** Options that a file or the environment may set: all but a `--no-x` that takes a `--x VALUE` back. */
function settable(command: Command): Option[] {
  const names = command.options.map(option => option.name());
  return command.options.filter(option => !option.negate || !names.includes(keyOf(option)));
}

/** Name without dashes; `--no-progress` is `progress`. */
function keyOf(option: Option): string {
  return option.name().replace(/^no-/, '');
}

function configuredValue(option: Option, key: string, { file, line, values }: ConfiguredOption): unknown {
  const value = parsedValue(option, values, problem => new SettingsError(file, `"${key}": ${problem}`, line));
  // A path in a file is meant from where the file is.
  return takesPath(option) && typeof value === 'string' ? resolve(dirname(file), value) : value;
}

function takesPath(option: Option): boolean {
  return option.flags.endsWith(' <file>');
}

/** The value that commander would have made of these texts. */
function parsedValue(
  option: Option,
  values: readonly string[],
  failure: (problem: string) => Error,
): unknown {
  const takesValue = option.required || option.optional;
  if (!takesValue) return truthOf(values.join(), failure);
  if (option.parseArg === undefined && values.length !== 1) throw failure('It takes one value.');
  let value: unknown = option.defaultValue;
  for (const text of values) {
    try {
      value = option.parseArg ? option.parseArg(text, value as never) : text;
    } catch (error) {
      throw error instanceof InvalidArgumentError ? failure(error.message) : error;
    }
  }
  return value;
}

function truthOf(text: string, failure: (problem: string) => Error): boolean {
  if (['true', 'yes', 'on', '1'].includes(text)) return true;
  if (['false', 'no', 'off', '0'].includes(text)) return false;
  throw failure('It must be true or false.');
}

function hint(name: string, candidates: readonly string[]): string {
  const candidate = closest(name, candidates);
  return candidate === undefined ? ` There are: ${candidates.join(', ')}.` : ` Did you mean "${candidate}"?`;
}

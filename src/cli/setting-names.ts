import { existsSync } from 'node:fs';

/** The configuration file that is read where it lies in the current directory. */
export const CONFIG_FILE = 'iommusan.yaml';

/** Names another configuration file. */
export const CONFIG_VARIABLE = 'IOMMUSAN_CONFIG';

/** The file of suppressions that is read where it lies in the current directory. */
export const SUPPRESSIONS_FILE = 'iommusan.suppressions';

const PREFIX = 'IOMMUSAN_';

/** The variable that sets an option: `IOMMUSAN_CHECK_MAX_LOST`. */
export function environmentName(command: string, key: string): string {
  return `${PREFIX}${command}_${key}`.replaceAll('-', '_').toUpperCase();
}

/** Whether a variable of the environment is meant for this command. */
export function isOurs(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Whether there is a configuration to read at all: a look that costs nothing where there is none. */
export function mayHaveSettings(
  config: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (config !== undefined || existsSync(CONFIG_FILE)) return true;
  for (const name in env) if (isOurs(name)) return true;
  return false;
}

/** `iommusan.suppressions`, if the current directory has it. */
export function defaultSuppressions(): string | undefined {
  return existsSync(SUPPRESSIONS_FILE) ? SUPPRESSIONS_FILE : undefined;
}

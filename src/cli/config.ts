import type { Command } from 'commander';
import { printable } from '../report/printable.ts';
import { type Column, tableLines } from '../report/table.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import { loadConfiguration, type Setting, settingsOf, unknownVariables } from './settings.ts';
import { UsageError } from './usage-error.ts';

const COLUMNS: readonly Column[] = ['Command', 'Option', 'Value', 'From'].map(title => ({ title }));

/** `iommusan config`: each option of each command, its value, and where that comes from. */
export async function showConfig(program: Command, args: readonly string[], io: Io): Promise<ExitCode> {
  const configuration = loadConfiguration(program, program.opts<{ config?: string }>().config, io.env);
  const rows = chosen(program, args).flatMap(command =>
    settingsOf(command, configuration, io.env).map(setting => [
      command.name(),
      setting.key,
      valueText(setting),
      setting.from,
    ]),
  );
  await write(io.stdout, `${tableLines(COLUMNS, printable(rows)).join('\n')}\n`);
  for (const name of unknownVariables(program, io.env)) {
    await write(io.stderr, `iommusan: warning: no option is set by ${printable(name)}.\n`);
  }
  return EXIT.clean;
}

/** All commands that have options, or the one that was named, with the arguments behind it. */
function chosen(program: Command, [name, ...args]: readonly string[]): readonly Command[] {
  if (name === undefined) return program.commands.filter(({ options }) => options.length > 0);
  const command = program.commands.find(candidate => candidate.name() === name);
  if (command === undefined) throw new UsageError(`there is no command '${name}'.`);
  const { unknown } = command.parseOptions(args);
  if (unknown[0] !== undefined) throw new UsageError(`'${name}' has no option '${unknown[0]}'.`);
  return [command];
}

function valueText({ option, value }: Setting): string {
  if (Array.isArray(value))
    return value.length > 0 ? value.join(',') : (option.defaultValueDescription ?? '-');
  return value === undefined ? '-' : String(value);
}

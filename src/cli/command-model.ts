import type { Argument, Command, Option } from 'commander';

/** What a value of an option or argument can be, for a shell that completes it. */
export type ValueKind = 'none' | 'choice' | 'rules' | 'file' | 'command' | 'other';

export interface OptionModel {
  readonly short: string | undefined;
  readonly long: string;
  /** What the help calls the value, `<file>`; absent for a switch. */
  readonly value: string | undefined;
  readonly kind: ValueKind;
  readonly choices: readonly string[];
  readonly description: string;
}

export interface ArgumentModel {
  /** As in the usage: `<FILE...>`, `[RULE]`. */
  readonly usage: string;
  readonly kind: ValueKind;
  readonly choices: readonly string[];
  readonly description: string;
}

/** One command as its definition tells it: what its man page and its completion are made of. */
export interface CommandModel {
  /** `iommusan check`; of the program itself `iommusan`. */
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly ArgumentModel[];
  readonly options: readonly OptionModel[];
  /** What its help says behind the options: exit status, examples. */
  readonly after: string;
}

/** The program and each of its subcommands. */
export function commandModels(program: Command): { program: CommandModel; commands: CommandModel[] } {
  return {
    program: modelOf(program, program.name()),
    commands: program.commands.map(command => modelOf(command, `${program.name()} ${command.name()}`)),
  };
}

/** The name without that of the program. */
export function shortName({ name }: CommandModel): string {
  return name.slice(name.indexOf(' ') + 1);
}

function modelOf(command: Command, name: string): CommandModel {
  const help = command.createHelp();
  return {
    name,
    summary: command.summary() || command.description(),
    description: command.description(),
    arguments: command.registeredArguments.map(argumentModel),
    options: [
      ...help.visibleOptions(command),
      // Those of the program that a command may be given too; --version is not one.
      ...help.visibleGlobalOptions(command).filter(({ required }) => required),
    ].map(option => optionModel(option, help.optionDescription(option))),
    after: textAfterHelp(command),
  };
}

function optionModel(option: Option, description: string): OptionModel {
  const value = /[<[].*[>\]]/.exec(option.flags)?.[0];
  const choices = option.argChoices ?? [];
  return {
    short: option.short,
    long: option.long ?? option.flags,
    value,
    kind: value === undefined ? 'none' : kindOf(value, choices),
    choices,
    description,
  };
}

function argumentModel(argument: Argument): ArgumentModel {
  const name = argument.name() + (argument.variadic ? '...' : '');
  const choices = argument.argChoices ?? [];
  return {
    usage: argument.required ? `<${name}>` : `[${name}]`,
    kind: kindOf(name, choices),
    choices,
    description: argument.description,
  };
}

/** The words of a usage say what a value is. */
function kindOf(value: string, choices: readonly string[]): ValueKind {
  if (choices.length > 0) return 'choice';
  if (/checks|RULE/.test(value)) return 'rules';
  if (/COMMAND/.test(value)) return 'command';
  if (/FILE|file|folder|directory|^[AB]$/.test(value)) return 'file';
  return 'other';
}

/** commander keeps what was added behind the help as a listener: it is what the whole help has more. */
function textAfterHelp(command: Command): string {
  let whole = '';
  const { writeOut } = command.configureOutput();
  command.configureOutput({ writeOut: text => (whole += text) });
  command.outputHelp();
  command.configureOutput(writeOut ? { writeOut } : {});
  return whole.slice(command.helpInformation().length).trim();
}

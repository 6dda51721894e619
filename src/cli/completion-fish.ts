import { type CommandModel, type OptionModel, shortName, type ValueKind } from './command-model.ts';

/** Completion for fish. */
export function fishCompletion(
  program: CommandModel,
  commands: readonly CommandModel[],
  rules: readonly string[],
): string {
  const lines = [
    '# Completion of iommusan for fish; written by "iommusan completion fish".',
    `set -g __iommusan_rules ${rules.join(' ')}`,
    '',
    ...program.options.map(option => optionLine('', option)),
    ...commands.map(
      command =>
        `complete -c iommusan -n __fish_use_subcommand -f -a ${shortName(command)} -d ${quoted(command.summary)}`,
    ),
    ...commands.flatMap(commandLines),
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines(command: CommandModel): string[] {
  const condition = `-n '__fish_seen_subcommand_from ${shortName(command)}' `;
  const [first] = command.arguments;
  const values = first === undefined ? '-f' : valueFlags(first.kind, first.choices, false);
  return [
    '',
    ...command.options.map(option => optionLine(condition, option)),
    ...(values === '' ? [] : [`complete -c iommusan ${condition}${values}`]),
  ];
}

function optionLine(
  condition: string,
  { short, long, value, kind, choices, description }: OptionModel,
): string {
  const parts = [
    `complete -c iommusan ${condition}-l ${long.slice(2)}`,
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    ...(value === undefined ? [] : [valueFlags(kind, choices, true)]),
    `-d ${quoted(description)}`,
  ];
  return parts.join(' ');
}

/** -x: a value and no files, -r: a value that is a file, -f: no files. */
function valueFlags(kind: ValueKind, choices: readonly string[], isOption: boolean): string {
  const exclusive = isOption ? '-x' : '-f';
  switch (kind) {
    case 'choice':
      return `${exclusive} -a ${quoted(choices.join(' '))}`;
    case 'rules':
      // The last of several words between commas.
      return isOption
        ? `${exclusive} -a '(__fish_append , $__iommusan_rules)'`
        : `${exclusive} -a '$__iommusan_rules'`;
    case 'file':
      return isOption ? '-r' : '';
    default:
      return exclusive;
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

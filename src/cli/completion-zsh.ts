import {
  type ArgumentModel,
  type CommandModel,
  type OptionModel,
  shortName,
  type ValueKind,
} from './command-model.ts';

/** Completion for zsh, by `_arguments` of its completion system. */
export function zshCompletion(
  program: CommandModel,
  commands: readonly CommandModel[],
  rules: readonly string[],
): string {
  const described = commands.map(command => `    ${quoted(`${shortName(command)}:${command.summary}`)}`);
  return `#compdef iommusan
# Completion of iommusan for zsh; written by "iommusan completion zsh".

_iommusan_rules() {
  _values -s , rule ${rules.join(' ')}
}

_iommusan_commands() {
  local -a commands=(
${described.join('\n')}
  )
  _describe command commands
}

_iommusan() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C \\
${program.options.map(option => `    ${optionSpec(option)} \\`).join('\n')}
    '1:command:_iommusan_commands' \\
    '*::argument:->arguments'
  [[ $state == arguments ]] || return
  case $line[1] in
${commands.map(commandCase).join('\n')}
  esac
}

if [[ $funcstack[1] == _iommusan ]]; then
  _iommusan "$@"
else
  compdef _iommusan iommusan
fi
`;
}

function commandCase(command: CommandModel): string {
  const specs = [...command.options.map(optionSpec), ...command.arguments.map(argumentSpec)];
  return `    ${shortName(command)})
      _arguments \\
${specs.map(spec => `        ${spec}`).join(' \\\n')}
      ;;`;
}

function optionSpec({ short, long, value, kind, choices, description }: OptionModel): string {
  const text = `[${specText(description)}]`;
  const action =
    value === undefined ? '' : `:${specText(value.replace(/[<>[\]]/g, ''))}:${actionOf(kind, choices)}`;
  if (short === undefined) return quoted(`${long}${text}${action}`);
  return `${quoted(`(${short} ${long})`)}{${short},${long}}${quoted(text + action)}`;
}

function argumentSpec({ usage, kind, choices }: ArgumentModel): string {
  const name = usage.replace(/[<>[\].]/g, '');
  return quoted(`${usage.includes('...') ? '*' : ''}:${name}:${actionOf(kind, choices)}`);
}

function actionOf(kind: ValueKind, choices: readonly string[]): string {
  switch (kind) {
    case 'choice':
      return `(${choices.join(' ')})`;
    case 'rules':
      return '_iommusan_rules';
    case 'command':
      return '_iommusan_commands';
    case 'file':
      return '_files';
    default:
      return ' ';
  }
}

/** Text within a specification: brackets and colons would end it. */
function specText(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

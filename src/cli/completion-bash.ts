import { type CommandModel, type OptionModel, shortName, type ValueKind } from './command-model.ts';

/** Completion for bash, without the helpers of the bash-completion package. */
export function bashCompletion(
  program: CommandModel,
  commands: readonly CommandModel[],
  rules: readonly string[],
): string {
  const names = [...commands.map(shortName), 'help'].join(' ');
  const globals = program.options.filter(({ value }) => value !== undefined).flatMap(flagsOf);
  return `# Completion of iommusan for bash; written by "iommusan completion bash".

_iommusan_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

# The last of several words between commas.
_iommusan_list() {
  local before=''
  [[ $current == *,* ]] && before="\${current%,*},"
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "\${current##*,}")
  compopt -o nospace 2>/dev/null
}

_iommusan_files() {
  compopt -o default 2>/dev/null
  COMPREPLY=()
}

_iommusan() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command='' i
  local rules='${rules.join(' ')}'
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${globals.join('|')}) ((i++)) ;;
      -*) ;;
      *) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  COMPREPLY=()
  case $command,$previous in
${[program, ...commands].flatMap(valueCases).join('\n')}
  esac
  if [[ $current == -* ]]; then
    case $command in
${[program, ...commands].map(optionCase).join('\n')}
    esac
    return
  fi
  case $command in
    ''|help) _iommusan_words '${names}' ;;
${commands.map(argumentCase).join('\n')}
    *) _iommusan_files ;;
  esac
}

complete -F _iommusan iommusan
`;
}

function flagsOf({ short, long }: OptionModel): string[] {
  return short === undefined ? [long] : [short, long];
}

function keyOf(command: CommandModel): string {
  return command.name.includes(' ') ? shortName(command) : '*';
}

function valueCases(command: CommandModel): string[] {
  return command.options.flatMap(option => {
    if (option.value === undefined) return [];
    const patterns = flagsOf(option).map(flag => `${keyOf(command)},${flag}`);
    return [`    ${patterns.join('|')}) ${completer(option.kind, option.choices)}; return ;;`];
  });
}

function optionCase(command: CommandModel): string {
  const flags = command.options.flatMap(flagsOf).join(' ');
  const key = command.name.includes(' ') ? shortName(command) : "''";
  return `      ${key}) _iommusan_words '${flags}' ;;`;
}

function argumentCase(command: CommandModel): string {
  const [first] = command.arguments;
  const complete = first === undefined ? ':' : completer(first.kind, first.choices, true);
  return `    ${shortName(command)}) ${complete} ;;`;
}

function completer(kind: ValueKind, choices: readonly string[], isArgument = false): string {
  switch (kind) {
    case 'choice':
      return `_iommusan_words '${choices.join(' ')}'`;
    case 'rules':
      return isArgument ? '_iommusan_words "$rules"' : '_iommusan_list "$rules"';
    case 'command':
      return ':';
    case 'file':
      return '_iommusan_files';
    default:
      return ':';
  }
}

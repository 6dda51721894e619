import { VERSION } from '../version.ts';
import { type ArgumentModel, type CommandModel, type OptionModel, shortName } from './command-model.ts';

/**
 * A man page in the macros of man(7), made of what the command says of itself.
 *
 * @param others the other commands, for the page of the program and for "see also"
 */
export function manPage(command: CommandModel, others: readonly CommandModel[]): string {
  const page = pageName(command);
  const isProgram = command.name === page;
  const lines = [
    `.TH ${page.toUpperCase()} 1 "" "iommusan ${VERSION}" "iommusan"`,
    '.SH NAME',
    `${escaped(page)} \\- ${escaped(command.summary)}`,
    '.SH SYNOPSIS',
    `.B ${escaped(command.name)}`,
    escaped(isProgram ? 'COMMAND [OPTIONS] ...' : synopsis(command)),
    '.SH DESCRIPTION',
    escaped(command.description),
    ...section('COMMANDS', isProgram ? others.flatMap(commandLines) : []),
    ...section('ARGUMENTS', command.arguments.flatMap(argumentLines)),
    ...section('OPTIONS', command.options.flatMap(optionLines)),
    ...afterLines(command.after),
    ...section('FILES', fileLines()),
    ...section('SEE ALSO', [seeAlso(command, others)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** `iommusan-check` */
export function pageName({ name }: CommandModel): string {
  return name.replaceAll(' ', '-');
}

function synopsis({ arguments: all }: CommandModel): string {
  return ['[OPTIONS]', ...all.map(({ usage }) => usage.replace(/^<(.*)>$/, '$1'))].join(' ');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines];
}

function commandLines(command: CommandModel): string[] {
  return ['.TP', `.BR ${escaped(pageName(command))} (1)`, escaped(command.summary)];
}

function argumentLines({ usage, description }: ArgumentModel): string[] {
  return ['.TP', `.I ${escaped(usage.replace(/[<>[\]]/g, ''))}`, escaped(description)];
}

function optionLines({ short, long, value, description }: OptionModel): string[] {
  const flags = [short, long].filter(flag => flag !== undefined).map(flag => `\\fB${escaped(flag)}\\fR`);
  const named = value === undefined ? '' : ` \\fI${escaped(value.replace(/[<>[\]]/g, ''))}\\fR`;
  return ['.TP', flags.join(', ') + named, escaped(description)];
}

/** Headings of the help become sections; what is indented under them stays as it stands. */
function afterLines(text: string): string[] {
  const lines: string[] = [];
  let isFixed = false;
  const fix = (on: boolean): void => {
    if (on !== isFixed) lines.push(on ? '.nf' : '.fi');
    isFixed = on;
  };
  for (const line of text === '' ? [] : text.split('\n')) {
    if (/^\S.*:$/.test(line)) {
      fix(false);
      lines.push(`.SH ${escaped(line.slice(0, -1).toUpperCase())}`);
    } else if (line.startsWith('  ')) {
      fix(true);
      lines.push(escaped(line.slice(2)));
    } else if (line === '') {
      fix(false);
      lines.push('.PP');
    } else {
      fix(false);
      lines.push(escaped(line));
    }
  }
  fix(false);
  // A paragraph that is followed by a section or by nothing is empty.
  return lines.filter((line, index) => line !== '.PP' || !/^(\.SH|\.PP|$)/.test(lines[index + 1] ?? ''));
}

function fileLines(): string[] {
  return [
    '.TP',
    '.I iommusan.yaml',
    'options of the commands, if it is in the current directory',
    '.TP',
    '.I iommusan.suppressions',
    'findings to live with, if it is in the current directory',
  ];
}

function seeAlso(command: CommandModel, others: readonly CommandModel[]): string {
  const pages = others.filter(other => shortName(other) !== shortName(command)).map(pageName);
  const all = command.name.includes(' ') ? ['iommusan', ...pages] : pages;
  return [...all, 'trace-cmd'].map(page => `\\fB${escaped(page)}\\fR(1)`).join(', ');
}

/** Text that roff takes as it is: backslashes, hyphens, and a dot or quote at the beginning of a line. */
function escaped(text: string): string {
  const line = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replace(/[^ -~]/gu, glyph);
  return line.startsWith('.') ? `\\&${line}` : line;
}

/** A character that is not ASCII, by its number. */
function glyph(character: string): string {
  return `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`;
}

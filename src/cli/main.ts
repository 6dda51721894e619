import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { addCheckCommand } from './check-command.ts';
import { addCompletionCommand } from './completion-command.ts';
import { addConfigCommand } from './config-command.ts';
import { addConvertCommands } from './convert-command.ts';
import { addDiffCommand } from './diff-command.ts';
import { type EngineLoader, loadEngine as loadLibrary } from './engine.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { addExplainCommand } from './explain-command.ts';
import { holdWriteErrors, type Io } from './io.ts';
import { addLiveCommand } from './live-command.ts';
import { addRecordCommand } from './record-command.ts';
import { addReportCommand } from './report-command.ts';
import { reported } from './reported.ts';
import { addRulesCommand } from './rules-command.ts';
import { mayHaveSettings } from './setting-names.ts';
import { addSimulateCommand } from './simulate-command.ts';
import { addStatsCommand } from './stats-command.ts';

const HELP = `
Examples:
  iommusan check trace.dat            look for bugs
  iommusan check --format html -o report.html trace.dat
  iommusan explain trace.dat 1        see how a verdict came about
  iommusan stats trace.dat            see what was recorded
  iommusan help check                 all options of a command

On the machine with the bug, as root:
  iommusan record -- COMMAND          record, then check
  iommusan live                       watch`;

/**
 * The command line.
 *
 * @param argv arguments without the interpreter and the script
 * @param io streams and environment
 * @param loadEngine where the commands get the library from; given by tests
 * @returns the exit code, one of {@link EXIT}
 */
export async function main(
  argv: readonly string[],
  io: Io,
  loadEngine: EngineLoader = loadLibrary,
): Promise<ExitCode> {
  holdWriteErrors(io.stdout, io.stderr);
  return reported(io, () => run(argv, io, loadEngine));
}

async function run(argv: readonly string[], io: Io, loadEngine: EngineLoader): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.clean;
  const finish = (code: ExitCode): void => {
    exitCode = code;
  };
  // A check pays for no other command's definition.
  const isCheck = argv[0] === 'check';
  const program = isCheck ? checkProgram(io, loadEngine, finish) : newProgram(io, loadEngine, finish);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // It was told already, or is none: --help ends a run too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.clean : EXIT.usage;
    throw error;
  }
}

type Finish = (exitCode: ExitCode) => void;

/** The command with all its subcommands: what help, man pages and completion are made of. */
export function newProgram(io: Io, loadEngine: EngineLoader, finish: Finish): Command {
  const program = checkProgram(io, loadEngine, finish);
  addRecordCommand(program, io, loadEngine, finish);
  addLiveCommand(program, io, finish);
  addStatsCommand(program, io, loadEngine, finish);
  addRulesCommand(program, io, loadEngine, finish);
  addExplainCommand(program, io, loadEngine, finish);
  addReportCommand(program, io, loadEngine, finish);
  addDiffCommand(program, io, loadEngine, finish);
  addConvertCommands(program, io, finish);
  addConfigCommand(program, io, finish);
  addSimulateCommand(program, io, finish);
  addCompletionCommand(program, io, loadEngine, finish);
  return program;
}

/** The command with its main subcommand only. */
function checkProgram(io: Io, loadEngine: EngineLoader, finish: Finish): Command {
  const program = new Command('iommusan')
    .description(
      'Finds DMA use-after-free, leaked IOMMU mappings and their relatives in traces of an unmodified Linux kernel.',
    )
    .version(VERSION, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .configureHelp({ showGlobalOptions: true })
    .option('--config <file>', 'the configuration file (default: iommusan.yaml, if it is there)')
    .hook('preAction', async (_, command) => {
      const { config } = program.opts<{ config?: string }>();
      if (!mayHaveSettings(config, io.env)) return;
      const { applySettings, loadConfiguration } = await import('./settings.ts');
      // The file may say something of any command.
      const all = newProgram(io, loadEngine, finish);
      applySettings(command, loadConfiguration(all, config, io.env), io.env);
    })
    .addHelpText('after', HELP)
    .showHelpAfterError('(--help shows how to use it)')
    .exitOverride()
    .configureOutput({
      writeOut: text => io.stdout.write(text),
      writeErr: text => io.stderr.write(text),
      outputError: (text, writeText) => writeText(text.replace(/^error: /, 'iommusan: ')),
      getOutHelpWidth: () => io.stdout.columns || 80,
      getErrHelpWidth: () => io.stderr.columns || 80,
    });
  addCheckCommand(program, io, loadEngine, finish);
  return program;
}

import { shellQuoted } from './dry-run.ts';
import { FACTS, type Fact, PRESETS, type Preset, type Probe, type Tracepoint, type Way } from './facts.ts';
import { SCRIPT_END, SCRIPT_START } from './script-frame.ts';

export interface ScriptOptions {
  readonly preset: Preset;
  /** Overrides the preset. */
  readonly stacks?: boolean;
  /** Per CPU; by default what the kernel gives an instance. */
  readonly bufferKib?: number;
  readonly devices: readonly string[];
}

/**
 * A POSIX shell script that records as {@link record} does, with tracefs alone, and leaves a raw capture directory
 * (docs/raw-capture.md). The same table of facts is in it: which of the ways a kernel offers is decided where it runs.
 */
export function recordingScript(options: ScriptOptions): string {
  const facts = FACTS.filter(({ preset }) => includes(options.preset, preset));
  return [
    SCRIPT_START.replace('@BUFFER@', String(options.bufferKib ?? '')).replace(
      '@DEVICES@',
      options.devices.join(' '),
    ),
    'choose() {',
    ...facts.map(fact => indented(factCommands(fact, options))),
    '}',
    SCRIPT_END,
  ].join('\n');
}

function includes(preset: Preset, least: Preset): boolean {
  return PRESETS.indexOf(least) <= PRESETS.indexOf(preset);
}

function factCommands(fact: Fact, options: ScriptOptions): string {
  const { stacks, ways, without } = fact;
  const stack = stacks !== undefined && (options.stacks ?? includes(options.preset, stacks)) ? 'stack' : '-';
  const commands = ways.map(way => wayCommand(way, stack));
  const missing = without === undefined ? ':' : `missing ${fact.id} ${shellQuoted(without)}`;
  const lines = [`# ${fact.title}`];
  if (fact.takeAll) {
    lines.push('found=', ...commands.map(command => `${command} && found=yes`));
    lines.push(`if [ "$found" ]; then recorded=${shellList(fact.id)}; else ${missing}; fi`);
  } else {
    lines.push(`if ${commands.join(' ||\n\t')}; then recorded=${shellList(fact.id)}; else ${missing}; fi`);
  }
  if (fact.unless === undefined) return lines.join('\n');
  return `if ! is_recorded ${fact.unless}; then\n${indented(lines.join('\n'))}\nfi`;
}

/** The list of what is recorded, with one more. */
function shellList(id: string): string {
  return `"$recorded ${id}"`;
}

/** A command that sets up one way to learn a fact, and fails where it cannot be had. */
function wayCommand(
  { sources, architectures, needsFunction, needsSafeFaultEvent }: Way,
  stack: string,
): string {
  const conditions = [
    ...(architectures ?? []).map(architecture => `[ "$architecture" = ${architecture} ]`),
    ...(needsFunction === undefined ? [] : [`has ${needsFunction}`]),
    ...(needsSafeFaultEvent ? ['fault_event_is_safe'] : []),
    // All of them or none: the first is set up when the others are known to be there.
    ...(sources.length > 1 ? sources.map(offerCommand) : []),
  ];
  const parts = [...conditions, ...sources.map(source => sourceCommand(source, stack))];
  return parts.length === 1 ? (parts[0] as string) : `{ ${parts.join(' && ')}; }`;
}

function offerCommand(source: Tracepoint | Probe): string {
  return source.kind === 'tracepoint'
    ? `[ -d events/${source.system}/${source.event} ]`
    : `has ${source.function}`;
}

function sourceCommand(source: Tracepoint | Probe, stack: string): string {
  if (source.kind === 'tracepoint') {
    return `event ${source.system} ${source.event} ${stack} ${source.system === 'dma' ? 'device' : '-'}`;
  }
  const kind = source.argumentsAtReturn ? 'return_with_arguments' : source.kind;
  const field = /\bdev=/.test(source.arguments) ? 'dev' : '-';
  return `probe ${kind} ${source.event} ${source.function} ${stack} ${field} ${shellQuoted(source.arguments)}`;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '\t');
}

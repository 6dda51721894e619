import { FACTS, type Fact, type Probe, type Tracepoint } from './facts.ts';

/** The table of facts as Markdown: docs/probes.md is this text, and a test holds it to it. */
export function factsPage(): string {
  return `${[INTRODUCTION, ...FACTS.map(factSection)].join('\n\n')}\n`;
}

const INTRODUCTION = `# Which probe tells what

What \`iommusan record\` records, made from [\`src/record/facts.ts\`](../src/record/facts.ts). For each fact it takes the first way that the running kernel offers: its tracepoints exist, its functions stand once in \`available_filter_functions\` (a function that the compiler has inlined or rebuilt does not), and the kernel takes the probe when it is set; if it refuses, the next way is tried. Facts marked "all of" take every way that is offered.

Probes are fprobes (\`f:\`) where the kernel has fprobe events (Linux 6.5 and later), else kprobes (\`p:\`, \`r:\`). "At return with arguments" needs Linux 6.9. What could not be had is printed, and stands in the trace as a marker, so that \`iommusan check\` tells it to whoever reads the trace.

The kernel versions are for orientation; the kernel itself decides.`;

function factSection(fact: Fact): string {
  const lines = [
    `## ${fact.title}`,
    '',
    `\`${fact.id}\`, from preset \`${fact.preset}\` on${fact.stacks === undefined ? '' : `, with stacks from \`${fact.stacks}\` on`}${fact.unless === undefined ? '' : `; not where \`${fact.unless}\` is recorded`}.${fact.without === undefined ? '' : ` Without it: ${fact.without}.`}`,
    '',
    `| ${fact.takeAll ? 'all of' : 'first of'} | kernels |`,
    '| --- | --- |',
    ...fact.ways.map(
      ({ sources, kernels, architectures = [] }) =>
        `| ${sources.map(sourceText).join('<br>')} | ${[kernels, ...architectures].join('; ')} |`,
    ),
  ];
  return lines.join('\n');
}

function sourceText(source: Tracepoint | Probe): string {
  if (source.kind === 'tracepoint') return `tracepoint \`${source.system}:${source.event}\``;
  const where =
    source.kind === 'entry' ? 'entry' : source.argumentsAtReturn ? 'return with arguments' : 'return';
  return `${where} of \`${source.function}\`: \`${source.arguments}\``;
}

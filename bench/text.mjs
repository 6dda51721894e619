// Text: lines a second of `check`, against awk that only counts them. Alone: node bench/text.mjs TRACE.dat...
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inTurn, median, printed } from './measure.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const command = `${root}dist/bin/iommusan.cjs`;
const folder = join(root, 'bench', 'generated');

/** Texts with a stack behind each event, in the styles that print them; they are short and written many times over. */
const WITH_STACKS = ['trace-cmd-report.txt', 'tracefs.txt', 'perf-script.txt'];
const LINES_WITH_STACKS = 2e6;

/**
 * A table of texts: the output of `trace-cmd report` for each of the traces, and those with stacks.
 *
 * @param traces pairs of name and path
 * @returns lines of Markdown
 */
export function textTable(traces, rounds = 3) {
  mkdirSync(folder, { recursive: true });
  const table = [
    '| text | lines | bytes a line | iommusan check | by processor time | reading alone | peak | awk |',
    '| --- | --: | --: | --: | --: | --: | --: | --: |',
  ];
  const path = join(folder, 'some.txt');
  for (const [name, trace] of traces) {
    const { status } = spawnSync('sh', ['-c', 'trace-cmd report "$1" > "$2"', 'sh', trace, path], {
      stdio: 'ignore',
    });
    if (status !== 0) throw new Error(`trace-cmd report ${trace} failed`);
    table.push(row(`\`trace-cmd report\`, ${name}`, path, rounds));
  }
  for (const style of WITH_STACKS) {
    repeat(`${root}test/fixtures/texts/${style}`, path);
    table.push(row(`with stacks: ${style}, repeated`, path, rounds));
  }
  rmSync(path, { force: true });
  return table;
}

function row(name, path, rounds) {
  const lines = printed(['wc', '-l', path]);
  const bytes = printed(['wc', '-c', path]);
  const check = [process.execPath, command, 'check', path];
  const [own, awk] = inTurn([check, ['awk', 'END { print NR }', path]], rounds);
  const alone = Array.from({ length: rounds }, () =>
    printed([process.execPath, `${root}bench/read-text.mjs`, path]),
  );
  const millions = ms => `${(lines / ms / 1000).toFixed(2)} million a second`;
  const cells = [
    name,
    lines.toLocaleString('en'),
    (bytes / lines).toFixed(0),
    millions(own.wallMs),
    `${millions(own.cpuMs)} (${((own.cpuMs * 1e6) / lines).toFixed(0)} ns a line)`,
    `${median(alone).toFixed(0)} ns a line`,
    `${(own.peakKiB / 1024).toFixed(0)} MB`,
    millions(awk.wallMs),
  ];
  return `| ${cells.join(' | ')} |`;
}

function repeat(from, to) {
  const text = readFileSync(from);
  const lines = text.toString('latin1').split('\n').length - 1;
  const file = openSync(to, 'w');
  for (let done = 0; done < LINES_WITH_STACKS; done += lines) writeSync(file, text);
  closeSync(file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const traces = process.argv.slice(2).map(path => [basename(path), path]);
  console.log(textTable(traces).join('\n'));
}

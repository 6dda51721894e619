// Writes the runs of the simulated machine that docs/machine.md shows anew: each block behind a line
// `    $ iommusan simulate ...` up to the next line that is not indented. Needs a build.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const path = 'docs/machine.md';
const INDENT = '    ';
const lines = readFileSync(path, 'utf8').split('\n');
const out = [];
for (let at = 0; at < lines.length; at++) {
  const line = lines[at];
  out.push(line);
  const argv = /^ {4}\$ iommusan (simulate \S+(?: --sanitizer \w+)?)$/.exec(line)?.[1]?.split(' ');
  if (argv === undefined) continue;
  const { stdout, status, stderr } = spawnSync(process.execPath, ['dist/bin/iommusan.cjs', ...argv], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  while (lines[at + 1] === '' || lines[at + 1].startsWith(INDENT)) at++;
  out.push(
    '',
    ...stdout
      .trimEnd()
      .split('\n')
      .map(text => (text === '' ? '' : INDENT + text)),
    '',
  );
}
writeFileSync(path, out.join('\n'));

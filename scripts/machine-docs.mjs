// Writes what the documentation shows of the simulated machine anew: each block behind a line
// `    $ iommusan simulate ...` up to the next line that is not indented, and the table of designs between its two
// comments. Needs a build.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

import { designTable } from '../dist/machine/index.js';

const INDENT = '    ';

for (const path of ['docs/machine.md', 'docs/kernel-page-tables.md']) {
  const withTable = readFileSync(path, 'utf8').replace(
    /(<!-- design table: .* -->\n\n)[\s\S]*?(\n\n<!-- end of the design table -->)/,
    (_, begin, end) => begin + designTable() + end,
  );
  writeFileSync(path, withRuns(withTable.split('\n')).join('\n'));
}

function withRuns(lines) {
  const out = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    out.push(line);
    const argv = /^ {4}\$ iommusan (simulate \S+(?: --(?:sanitizer|pgtable-free) \w+)?)$/
      .exec(line)?.[1]
      ?.split(' ');
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
  return out;
}

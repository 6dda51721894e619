import { spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { commandModels } from '../../src/cli/command-model.ts';
import { newProgram } from '../../src/cli/main.ts';
import { manPage, pageName } from '../../src/cli/man-page.ts';

const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
const program = newProgram(
  { stdout: nowhere, stderr: nowhere, env: {} },
  () => Promise.reject(new Error('not needed')),
  () => {},
);
const models = commandModels(program);
const pages = [models.program, ...models.commands].map(
  model => [pageName(model), manPage(model, models.commands)] as const,
);

describe('the man pages', () => {
  it('are one for the program and one for each command', () => {
    const names = pages.map(([name]) => name);
    expect(names).toContain('iommusan');
    for (const { name } of program.commands.map(command => ({ name: command.name() }))) {
      expect(names).toContain(`iommusan-${name}`);
    }
  });

  it.each(pages)('%s says what the definition of the command says', (name, page) => {
    const model = [models.program, ...models.commands].find(one => pageName(one) === name);
    for (const { long } of model?.options ?? [])
      expect(page).toContain(`\\fB${long.replaceAll('-', '\\-')}\\fR`);
    expect(page).toContain('.SH NAME\n');
    expect(page).toContain('.SH EXAMPLES\n.nf\n');
    expect(page).not.toMatch(/[^\n -~]/);
  });

  it('of check has the exit status, and the option that every command takes', () => {
    const [, page = ''] = pages.find(([name]) => name === 'iommusan-check') ?? [];
    expect(page).toContain('.SH EXIT STATUS\n.nf\n0   nothing found');
    expect(page).toContain('\\fB\\-\\-config\\fR \\fIfile\\fR');
  });

  const hasMandoc = spawnSync('mandoc', ['-T', 'lint'], { input: '' }).error === undefined;
  // mandoc is not everywhere; CI installs it.
  it.skipIf(!hasMandoc).each(pages)(
    `%s is what mandoc takes${hasMandoc ? '' : ' (mandoc is not installed)'}`,
    (_, page) => {
      const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning'], {
        input: page,
        encoding: 'utf8',
      });
      // A page that is made anew by every build has no date of its own.
      expect(stdout.split('\n').filter(line => line !== '' && !line.includes('missing date'))).toEqual([]);
    },
  );
});

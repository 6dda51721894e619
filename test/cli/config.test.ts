import { describe, expect, it } from 'vitest';
import { temporaryFiles } from '../helpers/play.ts';
import { report, useAfterFree } from '../report/samples.ts';
import { run } from './harness.ts';

const folder = temporaryFiles();
const reports = { 'bad.dat': report([useAfterFree]) };
const config = folder.write(
  'ci/iommusan.yaml',
  [
    '# What the nightly job wants.',
    'check:',
    '  accounting: kernel',
    '  only: [free-while-mapped, unbind-leak]',
    '  max-lost: 0',
    '  progress: false',
    '  baseline: baseline.json',
    'stats:',
    '',
  ].join('\n'),
);

/** The line of `iommusan config` for one option. */
async function line(key: string, argv: string[], env: Record<string, string> = {}): Promise<string[]> {
  const { stdout } = await run(['config', ...argv], { env });
  const found = stdout
    .split('\n')
    .find(text => text.trim().startsWith('check ') && text.includes(` ${key} `));
  return found?.trim().split(/ {2,}/) ?? [];
}

describe('a setting', () => {
  it.each<[string, string[], Record<string, string>, string, string]>([
    ['accounting', [], {}, 'exact', 'default'],
    ['accounting', ['--config', config], {}, 'kernel', `${config}, line 3`],
    ['accounting', [], { IOMMUSAN_CONFIG: config }, 'kernel', `${config}, line 3`],
    [
      'accounting',
      ['--config', config],
      { IOMMUSAN_CHECK_ACCOUNTING: 'exact' },
      'exact',
      'IOMMUSAN_CHECK_ACCOUNTING',
    ],
    [
      'accounting',
      ['--config', config, '--', 'check', '--accounting', 'kernel'],
      { IOMMUSAN_CHECK_ACCOUNTING: 'exact' },
      'kernel',
      'command line',
    ],
    ['max-lost', ['--config', config], {}, '0', `${config}, line 5`],
    ['max-lost', [], { IOMMUSAN_CHECK_MAX_LOST: '7' }, '7', 'IOMMUSAN_CHECK_MAX_LOST'],
    ['only', ['--config', config], {}, 'free-while-mapped,unbind-leak', `${config}, line 4`],
    ['only', [], {}, 'all', 'default'],
    ['progress', ['--config', config], {}, 'false', `${config}, line 6`],
    ['progress', [], {}, 'true', 'default'],
    ['baseline', ['--config', config], {}, folder.path('ci/baseline.json'), `${config}, line 7`],
  ])('%s with %j and %j is %s, from %s', async (key, argv, env, value, from) => {
    expect(await line(key, argv, env)).toEqual(['check', key, value, from]);
  });

  it('reaches the command', async () => {
    const env = { IOMMUSAN_CHECK_ACCOUNTING: 'kernel', IOMMUSAN_CHECK_FORMAT: 'json' };
    const { checked, stdout } = await run(['check', 'bad.dat'], { reports, env });
    expect(checked[0]?.options.accounting).toBe('kernel');
    expect(JSON.parse(stdout).findings).toHaveLength(1);
  });

  it.each<[string, string]>([
    ['chek:\n  all: true\n', 'there is no command "chek". Did you mean "check"?'],
    ['check:\n  max-lots: 0\n', ', line 2: "check" has no option "max-lots". Did you mean "max-lost"?'],
    ['check:\n  max-lost: some\n', ', line 2: "max-lost": It must be a whole number, 0 or greater.'],
    ['check:\n  format: xml\n', ', line 2: "format": Allowed choices are text, json'],
    ['check:\n  all: perhaps\n', ', line 2: "all": It must be true or false.'],
    ['check:\n  baseline: [a, b]\n', ', line 2: "baseline": It takes one value.'],
    [
      'check:\n  baseline:\n',
      ', line 2: "baseline" must be a text, a number, true or false, or a list of them.',
    ],
    ['- check\n', ', line 1: a configuration must be a mapping of names to values.'],
    ['check: [\n', ', line 2: '],
  ])('in a file that says %j is refused', async (text, problem) => {
    const file = folder.write('wrong.yaml', text);
    const { exitCode, stderr } = await run(['--config', file, 'check', 'bad.dat'], { reports });
    expect(stderr).toContain(`iommusan: ${file}`);
    expect(stderr).toContain(problem);
    expect(exitCode).toBe(2);
  });

  it('in the environment that is wrong is refused', async () => {
    const env = { IOMMUSAN_CHECK_FORMAT: 'xml' };
    const { exitCode, stderr } = await run(['check', 'bad.dat'], { reports, env });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^iommusan: IOMMUSAN_CHECK_FORMAT: Allowed choices are text, json/);
  });
});

describe('iommusan config', () => {
  it('refuses what is no command and no option', async () => {
    expect((await run(['config', 'chek'])).stderr).toBe("iommusan: there is no command 'chek'.\n");
    expect((await run(['config', '--', 'check', '--frob'])).stderr).toBe(
      "iommusan: 'check' has no option '--frob'.\n",
    );
  });

  it('warns of variables that set nothing', async () => {
    const env = { IOMMUSAN_CHECK_FORMT: 'json', IOMMUSAN_CHECK_ALL: '1', PATH: '/bin' };
    const { exitCode, stderr } = await run(['config'], { env });
    expect(exitCode).toBe(0);
    expect(stderr).toBe('iommusan: warning: no option is set by IOMMUSAN_CHECK_FORMT.\n');
  });

  it('shows every command that has options', async () => {
    const { stdout } = await run(['config']);
    for (const command of ['check', 'stats', 'report', 'diff'])
      expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
  });
});

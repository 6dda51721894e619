import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { temporaryFiles } from '../helpers/play.ts';
import { run } from './harness.ts';

const files = temporaryFiles();

function isInstalled(shell: string): boolean {
  return spawnSync(shell, ['-c', ':']).status === 0;
}

function skipped(shell: string): string {
  return isInstalled(shell) ? '' : ` (${shell} is not installed)`;
}

async function script(shell: string): Promise<string> {
  const { stdout, exitCode } = await run(['completion', shell]);
  expect(exitCode).toBe(0);
  return files.write(`iommusan.${shell}`, stdout);
}

/** What each shell should offer behind a line; the rules are those of the harness. */
const LINES: readonly [line: string, expected: readonly string[]][] = [
  ['iommusan ch', ['check']],
  ['iommusan check --max', ['--max-lost']],
  ['iommusan check --format s', ['sarif']],
  ['iommusan --config x check --fail-on n', ['new', 'none']],
  ['iommusan check --only unb', ['unbind-leak']],
  ['iommusan check --only free-while-mapped,unb', ['free-while-mapped,unbind-leak']],
  ['iommusan rules dma', ['dma-wrong-size']],
  ['iommusan completion f', ['fish']],
  ['iommusan stats --fo', ['--format']],
];

// Shells are not everywhere: the titles say which is missing, and CI installs all three.
describe.skipIf(!isInstalled('bash'))(`completion of bash${skipped('bash')}`, () => {
  it.each(LINES)('of %j', async (line, expected) => {
    const path = await script('bash');
    const ask = `
      source ${path}
      read -ra COMP_WORDS <<< '${line}'
      COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
      _iommusan
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', ask], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(expected);
  });
});

describe.skipIf(!isInstalled('fish'))(`completion of fish${skipped('fish')}`, () => {
  it.each(LINES)('of %j', async (line, expected) => {
    const path = await script('fish');
    const ask = `source ${path}; complete -C '${line}'`;
    const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', ask], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const offered = stdout
      .trim()
      .split('\n')
      .map(answer => answer.split('\t')[0]);
    expect(offered).toEqual(expected);
  });
});

describe.skipIf(!isInstalled('zsh'))(`completion of zsh${skipped('zsh')}`, () => {
  it('is a function that zsh takes', async () => {
    const path = await script('zsh');
    const ask = `compdef() { print -r -- "$@" }; source ${path}; whence -w _iommusan _iommusan_rules`;
    const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', ask], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout).toBe('_iommusan iommusan\n_iommusan: function\n_iommusan_rules: function\n');
  });
});

describe('iommusan completion', () => {
  it('wants a shell that it knows', async () => {
    expect((await run(['completion', 'tcsh'])).exitCode).toBe(2);
    expect((await run(['completion'])).exitCode).toBe(2);
  });
});

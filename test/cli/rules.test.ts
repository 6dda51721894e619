import { describe, expect, it } from 'vitest';
import { run } from './harness.ts';

describe('iommusan rules', () => {
  it('lists the rules with severity and default', async () => {
    const { exitCode, stdout } = await run(['rules']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('free-while-mapped  error\n    free-while-mapped\n');
    expect(stdout).toContain('3 rules, of which 0 are off by default');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('lists them for programs', async () => {
    const { stdout } = await run(['rules', '--format', 'json']);
    expect(JSON.parse(stdout)[1]).toEqual({
      id: 'unbind-leak',
      severity: 'error',
      default: 'on',
      title: 'unbind-leak',
      needs: [],
      advice: [],
    });
  });

  it('refuses one that does not exist, and offers the nearest', async () => {
    const { exitCode, stderr } = await run(['rules', 'unbind-leek']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("there is no check 'unbind-leek'. Did you mean 'unbind-leak'?");
  });
});

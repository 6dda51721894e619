import { beforeAll, describe, expect, it } from 'vitest';
import { debian12 } from './lab/debian-12.ts';
import { expectDrivers, ownFunctions } from './lab/driver-expectations.ts';
import { DEBIAN_12 } from './lab/setups.ts';
import type { Stage } from './lab/stage.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await debian12('stock');
}, 1_300_000);

expectDrivers(DEBIAN_12, () => stage);

describe('tracefs', () => {
  it.each([
    ['the command has ended', 'correct', 0],
    ['the command has failed', 'failing', 0],
    ['there is no such command', 'no_program', 3],
    ['the file cannot be written', 'unwritable', 3],
    ['the disk is full', 'full_disk', 3],
    ['SIGINT has come', 'INT', 0],
    ['SIGTERM has come', 'TERM', 0],
    ['SIGHUP has come', 'HUP', 0],
    ['the terminal of a recording was closed', 'closed_record', 0],
    ['the terminal of a live check was closed', 'closed_live', 0],
  ])('is as it was before when %s', (_way, name, status) => {
    const step = stage.step(name);
    expect(step.after).toBe(step.before);
    expect([step.output, step.status]).toEqual([step.output, status]);
  });

  it('has been recorded until the terminal was closed', async () => {
    expect((await stage.check('closed.dat')).trace.events).toBeGreaterThan(100);
    // The view of a live check was on that terminal.
    expect(stage.text('closed_live.terminal')).toContain('mappings');
  });

  it('is cleaned of what a killed recording has left, after the next one has told of it', () => {
    const killed = stage.step('killed');
    expect(killed.after).not.toBe(killed.before);
    expect(stage.step('after_killed').output).toMatch(
      /has left the instance iommusan-\d+ and \d+ probes of process \d+; "iommusan record --clean" removes it/,
    );
    expect(stage.step('clean').output).toMatch(/^removed the instance/);
    expect(stage.step('clean').after).toBe(killed.before);
  });

  it('holds what was recorded until the disk was full in a file that can be read', async () => {
    expect(stage.step('full_disk').output).toContain('the disk is full');
    const report = await stage.check('full.dat.partial');
    expect(report.trace.events).toBeGreaterThan(1000);
  });
});

describe('a mapping from before the recording', () => {
  it('is found in the page table, ends with its unmap, and is told of when its page is freed', async () => {
    expect(stage.step('initial')).toMatchObject({ status: 0 });
    const { findings, notes } = await stage.check('initial.dat');
    expect(notes).toContainEqual(expect.stringMatching(/^[1-9]\d* ranges? in 1 page table were/));
    const wrong = findings.filter(({ severity }) => severity !== 'note');
    expect(wrong).toMatchObject([
      { rule: 'free-while-mapped', count: 1, driver: 'lifetime', device: stage.text('edu').trim() },
    ]);
    expect(wrong[0]?.story.map(({ role }) => role)).toEqual(['found mapped', 'freed', 'unmapped']);
    expect(wrong[0] && ownFunctions(wrong[0], 'freed')).toContain('free_kept');
  });
});

describe('the recording script, without Node.js', () => {
  it('finds the same in a raw capture', async () => {
    const { output, status, before, after } = stage.step('script');
    expect([output, status]).toEqual([expect.stringContaining('can be checked'), 0]);
    expect(after).toBe(before);
    const { findings, lost } = await stage.check('capture');
    expect(lost.events).toBe(0);
    for (const scenario of ['free_while_mapped', 'double_map']) {
      const [expected] = (await stage.check(`${scenario}.dat`)).findings;
      const found = findings.find(({ signature }) => signature === expected?.signature);
      expect(found).toMatchObject({ rule: 'free-while-mapped', driver: 'lifetime', certainty: 'certain' });
    }
  });

  it('makes a tar, and sets everything back when it is ended', async () => {
    const { status, before, after } = stage.step('script_ended');
    expect(status).toBe(0);
    expect(after).toBe(before);
    expect((await stage.check('capture2.tar')).findings).toEqual([]);
  });
});

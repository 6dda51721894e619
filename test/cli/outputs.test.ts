import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderJson } from '../../src/report/json.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { report, smallNote, unbindLeak, useAfterFree } from '../report/samples.ts';
import { run } from './harness.ts';

const folder = temporaryFiles();
const reports = {
  'clean.dat': report([]),
  'bad.dat': report([useAfterFree]),
  'worse.dat': report([useAfterFree, unbindLeak]),
};
const stored = folder.write('stored.json', renderJson(reports['worse.dat']));
const several = folder.write('several.json', renderJson([reports['bad.dat'], reports['clean.dat']]));

const BEGINNING: Readonly<Record<string, string>> = {
  json: '{\n  "schemaVersion": 1,',
  jsonl: '{"type":"report","schemaVersion":1,',
  sarif: '{\n  "$schema": "https://docs.oasis-open.org/sarif/',
  junit: '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ',
  github: '::error title=iommusan%3A free-while-mapped::',
  markdown: '# iommusan: uaf.dat\n',
};

describe.each(Object.entries(BEGINNING))('--format %s', (format, beginning) => {
  it('is written by check, and by report from what check has stored', async () => {
    const checked = await run(['check', '--format', format, 'worse.dat'], { reports });
    expect(checked.exitCode).toBe(1);
    expect(checked.stdout.startsWith(beginning)).toBe(true);
    const again = await run(['report', '--format', format, stored]);
    expect(again).toMatchObject({ exitCode: 0, stdout: checked.stdout, stderr: '' });
  });

  it('goes to a file where one is named', async () => {
    const output = folder.path(`out.${format}`);
    const { stdout } = await run(['check', '--format', format, '-o', output, 'worse.dat'], { reports });
    expect(stdout).toBe('');
    expect(readFileSync(output, 'utf8').startsWith(beginning)).toBe(true);
  });

  it('is one document for several traces', async () => {
    const checked = await run(['check', '--format', format, 'bad.dat', 'clean.dat'], { reports });
    const again = await run(['report', '--format', format, several]);
    expect(again.stdout).toBe(checked.stdout);
  });
});

describe('a text report', () => {
  it('goes to a file without colour, and from a stored report', async () => {
    const output = folder.path('out.txt');
    await run(['check', '-o', output, 'bad.dat'], { reports, isTTY: true });
    const text = readFileSync(output, 'utf8');
    expect(text).toContain('ERROR: free-while-mapped');
    expect(text).not.toContain('\x1b[');
    expect((await run(['report', stored])).stdout).toContain('ERROR: unbind-leak');
  });

  it('that cannot be written is no success', async () => {
    const { exitCode, stderr } = await run(['check', '-o', folder.path('no/such/folder'), 'bad.dat'], {
      reports,
    });
    expect(exitCode).toBe(70);
    expect(stderr).toContain('ENOENT');
  });
});

describe('a page of HTML', () => {
  it('is not written to a terminal', async () => {
    const { exitCode, stderr } = await run(['check', '--format', 'html', 'bad.dat'], {
      reports,
      isTTY: true,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toBe('iommusan: a page of HTML is for a file: add --output report.html.\n');
  });
});

describe('iommusan report', () => {
  it('refuses a trace, and says what it wants', async () => {
    const trace = folder.write('trace.dat', Uint8Array.of(0x17, 0x08, 0x44));
    const { exitCode, stderr } = await run(['report', trace]);
    expect(exitCode).toBe(3);
    expect(stderr).toContain(`iommusan: ${trace}: no report of iommusan`);
  });
});

describe('iommusan diff', () => {
  const trace = (name: keyof typeof reports): string => folder.write(name, 'a trace');
  const before = renderJson(reports['bad.dat']);
  const old = folder.write('old.json', before);

  it.each<[number, string, string]>([
    [0, old, old],
    [1, old, stored],
    [0, stored, old],
    [0, old, several],
  ])('has exit status %i', async (expected, a, b) => {
    expect((await run(['diff', a, b])).exitCode).toBe(expected);
  });

  it('says what is new, gone and changed', async () => {
    const now = folder.write('now.json', renderJson(report([{ ...useAfterFree, count: 4 }, smallNote])));
    const { stdout, exitCode } = await run(['diff', stored, now]);
    expect(stdout).toContain('New:\n  + NOTE: multiple-map: page 0x733c is mapped at two IOVAs at once\n');
    expect(stdout).toContain('Gone:\n  - ERROR: unbind-leak:');
    expect(stdout).toContain('count was 1, is 4');
    expect(stdout).toMatch(/1 new finding · 1 gone · 1 changed · 0 the same\n$/);
    expect(exitCode).toBe(0);
  });

  it('checks what is a trace', async () => {
    const bad = trace('bad.dat');
    const { stdout, checked } = await run(['diff', '--format', 'json', old, bad], {
      reports: { [bad]: reports['worse.dat'] },
    });
    expect(checked.map(({ path }) => path)).toEqual([bad]);
    expect(JSON.parse(stdout)).toMatchObject({ new: [{ rule: 'unbind-leak' }], gone: [], same: 1 });
  });
});

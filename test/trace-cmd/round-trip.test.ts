import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTraceDat } from '../../src/trace/dat/open.ts';
import { type Compression, loadCompressor } from '../../src/trace/write/compress.ts';
import { copyTrace } from '../../src/trace/write/copy-trace.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { hasTraceCmd } from '../helpers/trace-cmd.ts';
import { FIXTURES, RECORDINGS, tracesBelow } from '../helpers/traces.ts';

const installed = hasTraceCmd();
const recordings = tracesBelow(RECORDINGS);
const noTool = ' (skipped: trace-cmd is not installed)';
const noRecordings = ' (skipped: ../shared/traces is not there)';
const files = temporaryFiles();

// As compare.test.ts: what is missing is said in the title of the suite.
describe.skipIf(!installed)(
  `trace-cmd reads in our copy what it reads in every fixture${installed ? '' : noTool}`,
  () => {
    it.each(tracesBelow(FIXTURES))('%s', name => expectSameReport(join(FIXTURES, name)));
  },
);

describe.skipIf(!installed || recordings.length === 0)(
  `trace-cmd reads in our copy what it reads in every whole recording${!installed ? noTool : recordings.length === 0 ? noRecordings : ''}`,
  () => {
    it.each(recordings.length === 0 ? [''] : recordings)('%s', name =>
      expectSameReport(join(RECORDINGS, name)),
    );
  },
);

/** Debian's trace-cmd reads zstd and nothing else; Node 20 cannot write it. */
const compressions = [...new Set<Compression>(['none', (await loadCompressor()).method])];

async function expectSameReport(path: string): Promise<void> {
  // As people read it, with stacks, names and losses; and what the file says of itself.
  const commands = [
    ['report', '-t'],
    ['report', '--stat'],
    ['report', '--uname'],
  ];
  const expected = commands.map(command => traceCmd(command, path));
  for (const compression of compressions) {
    const copy = files.path('copy.dat');
    const trace = await openTraceDat(path);
    await copyTrace(trace, copy, { compression });
    trace.file.close();
    expect(trace.gaps).toEqual([]);
    for (const [i, command] of commands.entries()) {
      const copied = traceCmd(command, copy);
      if (copied !== expected[i]) expect(firstDifference(copied, expected[i] ?? '')).toBe('');
    }
    // The whole file, every section and option of it, can be walked.
    expect(traceCmd(['dump', '--validate'], copy)).toContain('is a valid trace-cmd file');
  }
}

function traceCmd(command: readonly string[], path: string): string {
  const { stdout, stderr, status } = spawnSync('trace-cmd', [...command, '-i', path], {
    maxBuffer: 1 << 30,
    encoding: 'latin1',
  });
  if (status !== 0) throw new Error(`trace-cmd ${command.join(' ')} ${path}: ${stderr}`);
  // Where the data stands in the file, and how many bytes it has there, is not the same in a copy.
  return stdout.replaceAll(/^(CPU\d+ data recorded at offset=| +\d+ bytes in size).*\n/gm, '');
}

function firstDifference(text: string, expected: string): string {
  const lines = expected.split('\n');
  const at = text.split('\n').findIndex((line, i) => line !== lines[i]);
  return `line ${at}: ${text.split('\n')[at]} instead of ${lines[at]}`;
}

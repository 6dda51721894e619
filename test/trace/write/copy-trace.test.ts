import { describe, expect, it } from 'vitest';
import { openTraceDat } from '../../../src/trace/dat/open.ts';
import { copyTrace } from '../../../src/trace/write/copy-trace.ts';
import { PAGE_FREE } from '../../helpers/kernel-events.ts';
import { play, temporaryFiles } from '../../helpers/play.ts';
import { bufferOf, type Happening, recordingOf } from '../../helpers/recording.ts';
import { MACHINES } from '../../helpers/ring-buffer.ts';
import { writeTraceFile } from '../../helpers/trace-file.ts';
import { fixture } from '../../helpers/traces.ts';

const files = temporaryFiles();

async function copyOf(path: string): Promise<string> {
  const copy = files.path('copy.dat');
  const trace = await openTraceDat(path);
  await copyTrace(trace, copy);
  trace.file.close();
  return copy;
}

/** All that a trace tells, but for the places in the file. */
async function told(path: string) {
  const { calls, moments, names, gaps, capabilities, result } = await play(path);
  return {
    calls,
    moments: moments.map(
      at => at && { ...at, position: 0, stack: names.stack(at.stack), task: names.task(at.pid) },
    ),
    gaps,
    capabilities,
    counts: result.counts,
  };
}

describe('a copy of a trace.dat', () => {
  it.each(['forms/uaf-v6.dat', 'forms/uaf-v7-none.dat', 'forms/uaf-v7-zstd.dat', 'stock-kernel/overrun.dat'])(
    'tells what %s tells',
    async name => {
      const copy = await copyOf(fixture(name));
      expect(await told(copy)).toEqual(await told(fixture(name)));
    },
  );

  it.each(MACHINES)('keeps the instances of a recording from %s', async (_, machine) => {
    const free = (timeNs: number, cpu: number): Happening => ({
      timeNs,
      cpu,
      type: PAGE_FREE,
      values: { pfn: timeNs },
    });
    const recording = recordingOf([free(10, 0), free(30, 1)], { machine });
    const instance = bufferOf(machine, [free(20, 1), free(40, 5)], { name: 'mine' });
    const { bytes } = writeTraceFile(
      { ...recording, buffers: [...recording.buffers, instance] },
      { version: 6 },
    );
    const path = files.write('instances.dat', bytes);
    const copy = await copyOf(path);
    expect(await told(copy)).toEqual(await told(path));
    const trace = await openTraceDat(copy);
    trace.file.close();
    expect(trace.buffers.map(({ name, cpus }) => [name, cpus.map(({ cpu }) => cpu)])).toEqual([
      ['', [0, 1]],
      ['mine', [1, 5]],
    ]);
  });
});

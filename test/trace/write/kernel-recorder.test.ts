import { describe, expect, it } from 'vitest';
import { TraceSource } from '../../../src/trace/trace-source.ts';
import { KernelRecorder } from '../../../src/trace/write/kernel-recorder.ts';
import { play, temporaryFiles } from '../../helpers/play.ts';
import { FIXTURES, fixture, tracesBelow } from '../../helpers/traces.ts';

const files = temporaryFiles();

/** Writes what a trace tells as another trace. */
async function record(path: string, to: string): Promise<void> {
  const source = await TraceSource.open(path);
  const recorder = await KernelRecorder.create(to, source.names, {
    pageSize: source.description.pageSize,
  });
  source.run(recorder.events);
  recorder.finish(source.capabilities);
  source.close();
}

describe('what a trace tells', () => {
  it.each(tracesBelow(FIXTURES))('is told again by what was written of %s', async name => {
    const to = files.path('told.dat');
    await record(fixture(name), to);
    const first = await play(fixture(name));
    const second = await play(to);
    const told = ({ calls, moments, names }: typeof first): string[] =>
      calls.map((call, i) => {
        const at = moments[i];
        const where = at && [
          at.timeNs,
          at.cpu,
          at.pid,
          at.context,
          names.task(at.pid),
          names.stack(at.stack),
        ];
        return JSON.stringify([call, where]);
      });
    expect(told(second)).toEqual(told(first));
    expect(second.capabilities).toEqual(first.capabilities);
    expect(second.gaps).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkReader } from '../../src/trace/dat/chunk-reader.ts';
import { Positions } from '../../src/trace/dat/positions.ts';
import { LiveSource } from '../../src/trace/live-source.ts';
import { TraceSource } from '../../src/trace/trace-source.ts';
import { newRecorder, type Recorder } from '../helpers/recorder.ts';
import { fixture } from '../helpers/traces.ts';

interface SubBuffer {
  readonly cpu: number;
  readonly startNs: number;
  readonly bytes: Uint8Array;
}

/** A recording as it once came: its sub-buffers by the time at which each began. */
interface Recorded {
  readonly description: ConstructorParameters<typeof LiveSource>[0];
  readonly kallsyms: Uint8Array;
  readonly subBuffers: readonly SubBuffer[];
  /** What is told when it is read from the file. */
  readonly told: Pick<Recorder, 'calls' | 'moments'>;
}

async function recorded(name: string): Promise<Recorded> {
  const source = await TraceSource.open(fixture(name));
  try {
    const { trace } = source;
    const [buffer] = trace.buffers;
    if (!buffer) throw new Error('the recording has no buffer');
    const subBuffers: SubBuffer[] = [];
    for (const data of buffer.cpus) {
      const reader = new ChunkReader(trace, buffer, data, new Positions(name));
      while (reader.next()) {
        for (let at = 0; at < reader.bytes.length; at += buffer.subBufferSize) {
          const bytes = reader.bytes.slice(at, at + buffer.subBufferSize);
          const startNs = Number(new DataView(bytes.buffer).getBigUint64(0, true));
          subBuffers.push({ cpu: data.cpu, startNs, bytes });
        }
      }
    }
    const { calls, moments, sink } = newRecorder();
    source.run(sink);
    return {
      description: {
        formats: trace.formats,
        headerPage: trace.asRecorded.headerPage,
        pageSize: trace.pageSize,
      },
      kallsyms: trace.kallsyms.all(),
      subBuffers: subBuffers.sort((a, b) => a.startNs - b.startNs),
      told: { calls, moments },
    };
  } finally {
    source.close();
  }
}

/** Plays a recording in rounds that end at the given times, as a live kernel would be read. */
function live({ description, kallsyms, subBuffers }: Recorded, roundsNs: readonly number[]): Recorder {
  const recorder = newRecorder();
  const source = new LiveSource(description);
  source.setSymbols(kallsyms);
  source.playTo(recorder.sink);
  let next = 0;
  let untilNs = 0;
  for (const roundNs of roundsNs) {
    for (; next < subBuffers.length && (subBuffers[next] as SubBuffer).startNs <= roundNs; next++) {
      const { cpu, bytes } = subBuffers[next] as SubBuffer;
      source.feed(cpu, bytes);
    }
    source.play(untilNs);
    untilNs = roundNs;
  }
  for (const { cpu, bytes } of subBuffers.slice(next)) source.feed(cpu, bytes);
  source.finish();
  return recorder;
}

/** All calls but losses, with times and stacks; a live event has no place in a file. */
function eventsOf({ calls, moments }: Pick<Recorder, 'calls' | 'moments'>): string[] {
  const all = calls.map((call, i) => {
    const { timeNs, cpu, context, stack } = moments[i] ?? {};
    return `${call.join(' ')} at ${timeNs} ${cpu} ${context} ${stack}`;
  });
  return all.filter((_text, i) => calls[i]?.[0] !== 'eventsLost');
}

/** A loss is told when what is behind it has come, which may be later than from a file. */
function lossesOf({ calls }: Pick<Recorder, 'calls'>): string[] {
  return calls.filter(([method]) => method === 'eventsLost').map(call => call.join(' '));
}

describe('a live source', () => {
  it.each(['sanitizer-kernel/uaf.dat', 'linux-6.1/k61.dat', 'stock-kernel/overrun.dat'])(
    'tells what the file tells, in whatever rounds it is read: %s',
    async name => {
      const recording = await recorded(name);
      const first = recording.subBuffers[0]?.startNs ?? 0;
      const last = (recording.subBuffers.at(-1)?.startNs ?? 0) + 1e8;
      fc.assert(
        fc.property(
          fc.array(fc.double({ min: first, max: last, noNaN: true }), { maxLength: 40 }),
          roundsNs => {
            const told = live(
              recording,
              roundsNs.sort((a, b) => a - b),
            );
            expect(eventsOf(told)).toEqual(eventsOf(recording.told));
            expect(lossesOf(told)).toEqual(lossesOf(recording.told));
          },
        ),
        { numRuns: 5 },
      );
    },
  );
});

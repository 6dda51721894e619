import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../src/findings/finding.ts';
import { LiveCheck } from '../src/live-check.ts';
import { ChunkReader } from '../src/trace/dat/chunk-reader.ts';
import { Positions } from '../src/trace/dat/positions.ts';
import { TraceSource } from '../src/trace/trace-source.ts';
import { fixture } from './helpers/traces.ts';

interface Recording {
  readonly check: LiveCheck;
  readonly found: Finding[];
  /** Plays the recording once more, as if it had happened later. */
  again(): void;
}

/** A recording that happens again and again. */
async function repeated(name: string): Promise<Recording> {
  const source = await TraceSource.open(fixture(name));
  try {
    const { trace } = source;
    const [buffer] = trace.buffers;
    if (!buffer) throw new Error('the recording has no buffer');
    const pages: { cpu: number; bytes: Uint8Array }[] = [];
    for (const data of buffer.cpus) {
      const reader = new ChunkReader(trace, buffer, data, new Positions(name));
      while (reader.next()) {
        for (let at = 0; at < reader.bytes.length; at += buffer.subBufferSize) {
          pages.push({ cpu: data.cpu, bytes: reader.bytes.slice(at, at + buffer.subBufferSize) });
        }
      }
    }
    const found: Finding[] = [];
    const check = new LiveCheck(
      { formats: trace.formats, headerPage: trace.asRecorded.headerPage, pageSize: trace.pageSize },
      finding => void found.push(finding),
    );
    check.source.setSymbols(trace.kallsyms.all());
    return {
      check,
      found,
      again() {
        for (const { cpu, bytes } of pages) {
          const view = new DataView(bytes.buffer);
          view.setBigUint64(0, view.getBigUint64(0, true) + BigInt(60e9), true);
          check.source.feed(cpu, bytes);
        }
        check.source.play(Number.POSITIVE_INFINITY);
      },
    };
  } finally {
    source.close();
  }
}

/** Bytes of live objects. What the first collection frees is swept by other threads, for which the second one waits. */
function usedMemory(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('a live check', () => {
  it('tells of a bug once, when it first happens, and counts', async () => {
    const { check, found, again } = await repeated('sanitizer-kernel/uaf.dat');
    again();
    again();
    expect(found.map(({ rule }) => rule)).toEqual(['free-while-mapped']);
    expect(found[0]?.story.map(({ role }) => role)).toEqual(['allocated', 'mapped', 'freed']);
    const state = check.state();
    expect(state.findings.get('free-while-mapped')).toBe(1);
    expect(state.devices).toContainEqual({
      device: '0000:00:04.0',
      driver: 'dmabugs',
      mappings: 0,
      bytes: 0,
      made: 2,
      ended: 2,
    });
  });

  it('takes no more memory for a longer time', async () => {
    const { again } = await repeated('sanitizer-kernel/uaf.dat');
    for (let i = 0; i < 30; i++) again();
    // Other tests share the process, and may still be leaving or taking something: a leak would show each time.
    const growth = [1, 2, 3].map(() => {
      const before = usedMemory();
      for (let i = 0; i < 200; i++) again();
      return usedMemory() - before;
    });
    expect(Math.min(...growth)).toBeLessThan(1 << 20);
  });
});

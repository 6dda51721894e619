import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import type { Moment } from '../../src/kernel/moment.ts';
import type { Capabilities } from '../../src/kernel/source.ts';
import type { WalkResult } from '../../src/trace/events/walk.ts';
import type { TraceNames } from '../../src/trace/names/trace-names.ts';
import type { Gap } from '../../src/trace/source.ts';
import { TraceSource } from '../../src/trace/trace-source.ts';
import { type Call, newRecorder } from './recorder.ts';

/** What a trace told, from its first to its last event. */
export interface Played {
  readonly calls: Call[];
  readonly moments: (Moment | undefined)[];
  readonly names: TraceNames;
  readonly gaps: readonly Gap[];
  readonly capabilities: Capabilities;
  readonly result: WalkResult;
}

/** Plays a trace.dat into a recorder. */
export async function play(path: string): Promise<Played> {
  const source = await TraceSource.open(path);
  try {
    const { sink, calls, moments } = newRecorder();
    const result = source.run(sink);
    // Symbols are read from the file when they are first asked for, which tests do after it is closed.
    void source.names.symbols.isEmpty;
    const { names, gaps, capabilities } = source;
    return { calls, moments, names, gaps, capabilities, result };
  } finally {
    source.close();
  }
}

/** A folder for the files of one test file, removed behind it. Call it outside of tests. */
export function temporaryFiles(): {
  path(name: string): string;
  write(name: string, content: Uint8Array | string): string;
} {
  const folder = mkdtempSync(join(tmpdir(), 'iommusan-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = (name: string): string => join(folder, name);
  return {
    path,
    write(name, content) {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), content);
      return path(name);
    },
  };
}

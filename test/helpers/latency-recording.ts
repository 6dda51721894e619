import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PAGE_FREE } from './kernel-events.ts';
import { recordingOf } from './recording.ts';
import { writeTraceFile } from './trace-file.ts';

const TEXT = fileURLToPath(new URL('../fixtures/texts/tracefs-latency.txt', import.meta.url));

/** A trace.dat with the text of a latency tracer, in which there are findings, in place of events. */
export function latencyRecording(): Uint8Array {
  const texts = [{ name: '', text: readFileSync(TEXT, 'latin1') }];
  const recording = { ...recordingOf([]), formats: [PAGE_FREE], buffers: [], texts };
  return writeTraceFile(recording, { version: 7 }).bytes;
}

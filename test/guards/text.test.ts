import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { RecordBatch } from '../../src/trace/events/record-batch.ts';
import { openSource } from '../../src/trace/open-source.ts';
import { LineSplitter } from '../../src/trace/text/line-splitter.ts';
import { TextReader } from '../../src/trace/text/text-reader.ts';
import { TextSource } from '../../src/trace/text/text-source.ts';
import { temporaryFiles } from '../helpers/play.ts';

// Work is counted here, not time: these tests say the same on every machine.

const files = temporaryFiles();

/** 6 MB of text, in which each event has a stack. */
function longText(style: string): string {
  const text = readFileSync(`test/fixtures/texts/${style}.txt`);
  return files.write(`${style}.txt`, Buffer.concat(Array(Math.ceil(6e6 / text.length)).fill(text)));
}

async function walk(path: string) {
  const source = await openSource(path);
  if (!(source instanceof TextSource)) throw new Error(`${path} is no text`);
  const chunks = new Set<ArrayBufferLike>();
  const batches = new Set<ArrayBufferLike>();
  const push = LineSplitter.prototype.push;
  const pushed = vi.spyOn(LineSplitter.prototype, 'push').mockImplementation(function (
    this: LineSplitter,
    chunk: Uint8Array,
  ) {
    chunks.add(chunk.buffer);
    push.call(this, chunk);
  });
  const asked = vi.spyOn(TextReader.prototype, 'line');
  const result = await source.walkBatches((batch: RecordBatch) => batches.add(batch.view.buffer), {
    eventsLost: () => undefined,
  });
  source.close();
  const counts = {
    events: result.events,
    asked: asked.mock.calls.length,
    chunks: chunks.size,
    batches: batches.size,
  };
  pushed.mockRestore();
  asked.mockRestore();
  return counts;
}

describe.each(['trace-cmd-report', 'trace-cmd-report-l', 'tracefs', 'tracefs-record-tgid', 'perf-script'])(
  'a long text in the style of %s',
  style => {
    it('is read by the forms of its lines, in memory that is used again', async () => {
      const { events, asked, chunks, batches } = await walk(longText(style));
      expect(events).toBeGreaterThan(2000);
      // Each of the copies has some lines that are no events, and stacks that are read by the general way.
      expect(asked).toBeLessThan(events / 2);
      // 1 MiB ahead in chunks of 256 KiB, one that is read, and those that wait to be used again.
      expect(chunks).toBeLessThanOrEqual(10);
      expect(batches).toBe(1);
    });
  },
);

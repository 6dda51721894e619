import { writeFileSync } from 'node:fs';
import { checkTrace } from '../../src/check-trace.ts';
import { silentEvents } from '../../src/kernel/silent-events.ts';
import { parseHeaderPage } from '../../src/trace/dat/metadata.ts';
import { parseEventFormat, readFormatHeader } from '../../src/trace/events/event-format.ts';
import { extentReader, numberReader, pointerReader } from '../../src/trace/events/field-reader.ts';
import { newRawEvent } from '../../src/trace/events/raw-event.ts';
import { wordsOf } from '../../src/trace/events/words.ts';
import { openSource } from '../../src/trace/open-source.ts';
import { TraceError } from '../../src/trace/trace-error.ts';

/** How an input ended: what a user would see. */
export type Outcome = 'verdict' | 'partial verdict' | 'refused';

/** A reader that is given hostile input. */
export interface Target {
  readonly name: string;
  /** @throws whatever is not an answer to the input: a fault of the reader */
  run(input: Uint8Array): Promise<Outcome>;
}

/** Inputs of which one is checked to the end; of the others all events are read and bound. */
const CHECKED_OF = 8;

/** A file of any form: everything that `iommusan check` does with it up to the report, or all but the checks. */
export function traceTarget(path: string): Target {
  let inputs = 0;
  return {
    name: 'trace',
    async run(input) {
      writeFileSync(path, input);
      try {
        const gaps = inputs++ % CHECKED_OF === 0 ? (await checkTrace(path)).gaps : await gapsOf(path);
        for (const { message } of gaps) expectOneLine(message);
        return gaps.length > 0 ? 'partial verdict' : 'verdict';
      } catch (error) {
        if (!(error instanceof TraceError)) throw error;
        expectOneLine(error.message);
        return 'refused';
      }
    },
  };
}

async function gapsOf(path: string): Promise<readonly { readonly message: string }[]> {
  const source = await openSource(path);
  try {
    await source.run(silentEvents);
    return source.gaps;
  } finally {
    source.close();
  }
}

/** Bytes of the record whose fields are read by a mutated format. */
const RECORD = Uint8Array.from({ length: 64 }, (_, i) => (i * 37) & 0xff);

/** The parser of event formats and of `header_page`, and the readers that are made of them. */
export const formatTarget: Target = {
  name: 'format',
  async run(input) {
    const text = Buffer.from(input).toString('latin1');
    const header = readFormatHeader('fuzz', text);
    if (!header) {
      try {
        parseHeaderPage(text, 'fuzz');
        return 'verdict';
      } catch (error) {
        if (!(error instanceof TraceError)) throw error;
        return 'refused';
      }
    }
    const event = { ...newRawEvent(true), payloadSize: RECORD.length };
    event.view = new DataView(RECORD.buffer);
    event.words = wordsOf(RECORD, true);
    const extent = { at: 0, bytes: 0 };
    for (const field of parseEventFormat(header).fields) {
      if (Number.isNaN(numberReader(field)(event))) throw new Error(`${field.name} is not a number`);
      pointerReader(field)(event);
      extentReader(field)(event, extent);
      if (extent.at < 0 || extent.bytes < 0 || extent.at + extent.bytes > RECORD.length) {
        throw new Error(`${field.name} is at ${extent.at} and has ${extent.bytes} bytes`);
      }
    }
    return 'verdict';
  },
};

/** Messages become lines of logs: whatever the input names must not break them. */
function expectOneLine(message: string): void {
  const isControl = (character: string): boolean => character < ' ' || character === '\x7f';
  if ([...message].some(isControl)) throw new Error(`a message of several lines: ${JSON.stringify(message)}`);
}

import { readText } from './dat/latency-text.ts';
import { fileForm } from './dat/open.ts';
import type { TraceDat, TraceText } from './dat/trace-dat.ts';
import { TextSource } from './text/text-source.ts';

/** The text that a trace.dat holds in place of events, with what the file says of the machine. */
export function latencySource(trace: TraceDat, text: TraceText, container: string | undefined): TextSource {
  const { file, version, compression, uname, pageSize, commandNames, notes, gaps } = trace;
  const input = {
    ...readText(trace, text),
    name: file.name,
    container,
    total: text.size,
    close: () => file.close(),
  };
  const form = fileForm(version, compression);
  return new TextSource(input, { form, uname, pageSize, clock: text.clock, commandNames, notes, gaps });
}

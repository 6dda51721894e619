import { checkSource } from '../check-source.ts';
import { RULES } from '../checks/all-checks.ts';
import type { CheckReport } from '../findings/check-report.ts';
import { openTraceDat } from '../trace/dat/open.ts';
import { TraceSource } from '../trace/trace-source.ts';
import { check, DEFAULT_CHECK } from './check.ts';
import type { CheckTraceOptions } from './engine.ts';
import type { ExitCode } from './exit-code.ts';
import type { TextIo } from './io.ts';
import { reported } from './reported.ts';

/**
 * `iommusan check FILE` of a trace.dat, see `isPlainCheck()`.
 *
 * @returns `undefined`, with nothing written, where the file holds the text of a latency tracer: this program cannot read
 *   it, the whole command can
 */
export function checkRecording(path: string, io: TextIo): Promise<ExitCode | undefined> {
  const options = { ...DEFAULT_CHECK, color: 'auto' } as const;
  return reported(io, () =>
    check([path], options, io, async () => ({ RULES, checkTrace })).catch(error => {
      if (error instanceof NoEvents) return undefined;
      throw error;
    }),
  );
}

class NoEvents extends Error {}

async function checkTrace(path: string, options: CheckTraceOptions = {}): Promise<CheckReport> {
  const trace = await openTraceDat(path);
  const source = TraceSource.of(trace);
  try {
    if (trace.text) throw new NoEvents();
    return await checkSource(source, options);
  } finally {
    source.close();
  }
}

import { checkSource } from '../check-source.ts';
import { RULES } from '../checks/all-checks.ts';
import { openTraceDatFile } from '../trace/trace-dat-importer.ts';
import { check, DEFAULT_CHECK } from './check.ts';
import type { CheckTraceOptions } from './engine.ts';
import type { ExitCode } from './exit-code.ts';
import type { TextIo } from './io.ts';
import { reported } from './reported.ts';

/** `iommusan check FILE...` with nothing but recordings of trace-cmd, see {@link plainRecordings}. */
export function checkRecordings(files: readonly string[], io: TextIo): Promise<ExitCode> {
  const options = { ...DEFAULT_CHECK, color: 'auto' } as const;
  return reported(io, () => check(files, options, io, async () => ({ RULES, checkTrace: checkRecording })));
}

async function checkRecording(path: string, options: CheckTraceOptions = {}) {
  const source = await openTraceDatFile(path);
  try {
    return await checkSource(source, options);
  } finally {
    source.close();
  }
}

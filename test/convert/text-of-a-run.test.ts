import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { convertTrace } from '../../src/convert-trace.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { hasTraceCmd } from '../helpers/trace-cmd.ts';
import { TEXT_STYLES, textOf } from '../helpers/trace-text.ts';
import { fixture } from '../helpers/traces.ts';

const files = temporaryFiles();
const installed = hasTraceCmd();

type Line = Readonly<Record<string, unknown>>;

/** What a text cannot tell of the same run. */
interface Untold {
  /** Nanoseconds: most texts print microseconds. */
  readonly nanoseconds?: boolean;
  /** Whether an event was in an interrupt. */
  readonly context?: boolean;
  /** More than eight characters of a command name. */
  readonly longNames?: boolean;
  /** The addresses of page_pools, which the tracepoints hash and a probe does not: which pool is destroyed. */
  readonly pools?: boolean;
  /** The symbols of modules, trampolines among them. */
  readonly modules?: boolean;
}

async function linesOf(path: string): Promise<Line[]> {
  const out = files.path('events.jsonl');
  await convertTrace(path, out, 'jsonl');
  const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
  return lines.map(line => JSON.parse(line) as Line);
}

/** The lines of a trace.dat or of a text, without what the text cannot tell. */
function told(lines: readonly Line[], untold: Untold): Line[] {
  const pools = new Map<unknown, number>();
  return lines.map(line => {
    const rest: Record<string, unknown> = { ...line };
    const { timeNs, task, pool, stack } = line;
    if (untold.nanoseconds) rest['timeNs'] = Math.floor(Number(timeNs) / 1000);
    if (untold.context) delete rest['context'];
    if (untold.longNames) rest['task'] = String(task).slice(0, 8);
    if (untold.pools && line['event'] === 'poolDestroy') delete rest['pool'];
    else if (untold.pools && pool !== undefined) {
      if (!pools.has(pool)) pools.set(pool, pools.size);
      rest['pool'] = pools.get(pool);
    }
    if (untold.modules && Array.isArray(stack)) {
      rest['stack'] = stack.map(frame => (/^0x|^ftrace_trampoline$/.test(frame) ? 'unnamed' : frame));
    }
    return rest;
  });
}

/** By the name of the style; each is compared exactly but for this. */
const UNTOLD: Readonly<Record<string, Untold>> = {
  tracefs: { nanoseconds: true, pools: true },
  'trace_pipe: no header': { nanoseconds: true, pools: true },
  'four flags, as before Linux 5.15': { nanoseconds: true, pools: true },
  'without irq-info': { nanoseconds: true, pools: true, context: true },
  'record-tgid, symbols with offsets': { nanoseconds: true, pools: true },
  'latency format, symbols with addresses': { nanoseconds: true, pools: true, longNames: true },
  'trace_clock counter': { pools: true },
  'perf script': { nanoseconds: true, pools: true, context: true },
  'perf script --ns, process and thread': { pools: true, context: true },
};

describe('a text and the trace.dat of the same run are the same JSON lines', () => {
  const path = fixture('sanitizer-kernel/pp_leak.dat');

  it.each(TEXT_STYLES)('in the style of $name', async style => {
    const untold = UNTOLD[style.name];
    if (!untold) throw new Error('say what this style cannot tell');
    const text = files.write('run.txt', Buffer.from(await textOf(path, style)));
    expect(told(await linesOf(text), untold)).toEqual(told(await linesOf(path), untold));
  });

  // Needs Debian's trace-cmd, which CI installs.
  it.skipIf(!installed).each(['sg_ok', 'pp_leak', 'dom_two_domains'])(
    `as trace-cmd report -t -l prints %s${installed ? '' : ' (skipped: trace-cmd is not installed)'}`,
    async name => {
      const recording = fixture(`sanitizer-kernel/${name}.dat`);
      const { stdout } = spawnSync('trace-cmd', ['report', '-t', '-l', '-i', recording], {
        maxBuffer: 1 << 28,
      });
      const untold: Untold = { longNames: true, modules: true };
      const text = files.write('report.txt', stdout);
      expect(told(await linesOf(text), untold)).toEqual(told(await linesOf(recording), untold));
    },
  );
});

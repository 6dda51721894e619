import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../src/index.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { hasTraceCmd } from '../helpers/trace-cmd.ts';
import { verdictOf } from '../helpers/verdict.ts';
import { hasRecording, recording } from '../traces/shared.ts';

const files = temporaryFiles();

const OPTIONS = [[], ['-l'], ['-t'], ['-t', '-l'], ['-R']];

const RECORDINGS = [
  ...['sanitizer-kernel/uaf', 'sanitizer-kernel/wrong_size', 'sanitizer-kernel/dom_over_unmap'],
  ...['sanitizer-kernel/sg_ok', 'sanitizer-kernel/pp_leak', 'sanitizer-kernel/leak_unbind'],
  ...['stock-kernel/fault', 'stock-kernel/kmalloc', 'stock-kernel/lazy_reuse', 'stock-kernel/overrun'],
  ...['linux-6.1/k61', 'linux-6.1/k61-amd', 'linux-6.1/k61-lossy'],
];

// trace-cmd is not installed everywhere; CI installs it.
describe.skipIf(!hasTraceCmd())('the text of trace-cmd report', () => {
  describe.each(RECORDINGS.filter(hasRecording))('of %s', name => {
    it.each(OPTIONS)('gives the findings of the trace.dat with %s %s', async (...options) => {
      const path = recording(name);
      const text = execFileSync('trace-cmd', ['report', ...options, '-i', path], {
        maxBuffer: 1 << 28,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const report = await checkTrace(files.write('report.txt', text));
      const binary = await checkTrace(path);
      // The text names no modules, and with -R no functions: bugs are told apart without them.
      const isNamed = options[0] !== '-R' && !JSON.stringify(binary.findings).includes('"module"');
      const comparable = (lines: readonly string[]): string[] =>
        lines.map(line => (isNamed ? line : line.slice(line.indexOf(' ') + 1))).sort();
      expect(comparable(verdictOf(report))).toEqual(comparable(verdictOf(binary)));
      expect(report.lost).toMatchObject({
        events: binary.lost.events,
        uncountedGaps: binary.lost.uncountedGaps,
      });
      expect(report.trace.events).toBe(binary.trace.events);
      expect(report.gaps).toEqual([]);
    });
  });
});

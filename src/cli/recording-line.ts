import type { RecordingCounts } from '../record/pump.ts';
import { formatCount } from '../report/words.ts';
import type { Output } from './io.ts';

/** The line that shows how a recording goes. */
export interface RecordingLine {
  /** Shows it on a terminal; elsewhere nothing is shown until the end. */
  show(counts: Readonly<RecordingCounts>, elapsedMs: number): void;
  /** Takes it off the terminal. */
  clear(): void;
}

export function newRecordingLine(terminal: Output): RecordingLine {
  let isShown = false;
  return {
    show(counts, elapsedMs) {
      if (terminal.isTTY !== true) return;
      const text = recordingText(counts, elapsedMs);
      terminal.write(`\r\u001b[K${text.slice(0, (terminal.columns || 80) - 1)}`);
      isShown = true;
    },
    clear() {
      if (isShown) terminal.write('\r\u001b[K');
      isShown = false;
    },
  };
}

/** `157,170 events, 12.3 MB, 0 lost, 8 s` */
export function recordingText({ events, bytes, lost }: Readonly<RecordingCounts>, elapsedMs: number): string {
  const megabytes = (bytes / 1e6).toFixed(1);
  const seconds = (elapsedMs / 1000).toFixed(elapsedMs < 10_000 ? 1 : 0);
  return `${formatCount(events)} events, ${megabytes} MB, ${formatCount(lost)} lost, ${seconds} s`;
}

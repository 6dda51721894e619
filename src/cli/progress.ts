import cliProgress from 'cli-progress';
import type { Output } from './io.ts';

const LARGE_BYTES = 8 * 1024 * 1024;
const LONG_MS = 500;

export interface Progress {
  /** Takes bytes read and bytes in all. */
  readonly report: (done: number, total: number) => void;
  /** Takes the bar off the terminal. */
  readonly stop: () => void;
}

/**
 * A bar that appears once reading turns out to take time, and leaves no trace on the terminal.
 *
 * @param now milliseconds; given by tests
 */
export function newProgress(file: string, terminal: Output, now = () => performance.now()): Progress {
  const started = now();
  let bar: cliProgress.SingleBar | undefined;
  return {
    report(done, total) {
      if (total <= 0) return;
      if (bar === undefined) {
        if (total <= LARGE_BYTES && now() - started < LONG_MS) return;
        bar = new cliProgress.SingleBar({
          stream: terminal,
          format: `${file.replace(/[{}]/g, '')} [{bar}] {percentage}%, {eta_formatted} left`,
          clearOnComplete: true,
        });
        bar.start(total, done);
      }
      bar.update(done);
    },
    stop() {
      bar?.stop();
      bar = undefined;
    },
  };
}

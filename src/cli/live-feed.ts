import type { LiveCheck, LiveState } from '../live-check.ts';
import type { CommandNames } from '../record/command-names.ts';
import type { KernelSymbols } from '../record/kernel-symbols.ts';
import { every } from '../record/periods.ts';
import type { Session } from '../record/session.ts';

/** A recording and who judges it. */
export interface LiveFeed {
  readonly session: Session;
  readonly check: LiveCheck;
  readonly symbols: KernelSymbols;
  readonly names: CommandNames;
}

/** Bytes of events that make it worth while to read a CPU; a sub-buffer that is being filled too. */
const ANYTHING = 1;

/** A finding is told at most so long after its event. */
const ROUND_MS = 200;
const STATE_EVERY_MS = 1000;
const MODULES_EVERY_MS = 500;

/**
 * Reads and judges, round after round, until `ended` settles. In each round every CPU is read; then the events are judged
 * that happened before the round before it began: by then they have come from all CPUs, and their stacks too.
 */
export async function watch(
  { session, check, symbols, names }: LiveFeed,
  ended: Promise<void>,
  show: (state: LiveState) => void,
): Promise<void> {
  const { pump } = session;
  const { source } = check;
  const feed = (cpu: number, subBuffers: Uint8Array): void => source.feed(cpu, subBuffers);
  let hasEnded = false;
  const end = ended.then(() => {
    hasEnded = true;
  });
  const stateDue = every(STATE_EVERY_MS);
  const modulesDue = every(MODULES_EVERY_MS);
  let untilNs = 0;
  let known: Buffer | undefined;
  names.takeRunning();
  while (!hasEnded) {
    const now = performance.now();
    if (modulesDue(now)) {
      const text = symbols.all();
      if (text !== known) source.setSymbols(text);
      known = text;
      names.takeSaved();
      source.setCommandNames(names.text());
    }
    const waitMs = pump.round(feed, ANYTHING);
    source.play(untilNs);
    untilNs = Math.max(untilNs, pump.completeUntilNs);
    if (stateDue(now)) show(check.state());
    await Promise.race([end, new Promise(done => setTimeout(done, Math.min(waitMs, ROUND_MS)))]);
  }
  session.stop();
  pump.finish(feed);
  check.finish();
  show(check.state());
}

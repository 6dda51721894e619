import type { Finding } from '../findings/finding.ts';
import { LiveCheck } from '../live-check.ts';
import { CommandNames } from '../record/command-names.ts';
import type { Preset } from '../record/facts.ts';
import { KernelSymbols } from '../record/kernel-symbols.ts';
import { findLeftovers } from '../record/leftovers.ts';
import { initialStateMissing, missingText } from '../record/markers.ts';
import { Session } from '../record/session.ts';
import { translationProblem } from '../record/system.ts';
import { openTracefs } from '../record/tracefs.ts';
import { renderFinding } from '../report/text.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import type { Endpoint } from './live-command.ts';
import { type LiveFeed, watch } from './live-feed.ts';
import { metricsServer } from './live-metrics.ts';
import { newLiveView } from './live-view.ts';
import { sessionOptions, tellLeftovers } from './record.ts';
import { onSignals } from './signals.ts';
import { type ColorMode, textWidth, wantsColor } from './terminal.ts';

/** Options of `iommusan live`, as commander hands them over. */
export interface LiveOptions {
  /** Milliseconds. */
  readonly duration?: number;
  readonly interval: number;
  readonly device?: readonly string[];
  readonly preset: Preset;
  readonly stacks?: boolean;
  readonly initialState?: boolean;
  /** KiB. */
  readonly buffer?: number;
  readonly metrics?: Endpoint;
  readonly color: ColorMode;
}

/** `iommusan live`: the ring buffers of this kernel, judged as they come, until a signal or the end of the duration. */
export async function live(options: LiveOptions, io: Io): Promise<ExitCode> {
  const tracefs = openTracefs();
  await tellLeftovers(findLeftovers(tracefs), io);
  const problem = translationProblem();
  if (problem !== undefined) await write(io.stderr, `iommusan: ${problem}\n`);

  let end = (): void => {};
  const ended = new Promise<void>(settle => {
    end = settle;
  });
  const signals = onSignals(end);
  // Nobody reads any more: iommusan live | head
  io.stdout.once('error', end);
  const session = Session.open(tracefs, sessionOptions(options));
  let timer: NodeJS.Timeout | undefined;
  let found = 0;
  const page = { color: wantsColor(options.color, io), width: textWidth(io) };
  const view = newLiveView(io, options.interval);
  let server: Awaited<ReturnType<typeof metricsServer>> | undefined;
  try {
    const check = new LiveCheck(session.describe(), finding => {
      if (finding.severity !== 'note') found++;
      view.finding(renderFinding(untilNow(finding), page));
    });
    const feed: LiveFeed = { session, check, symbols: new KernelSymbols(), names: new CommandNames(tracefs) };
    if (options.metrics) server = await metricsServer(options.metrics, () => check.state());
    for (const fact of session.instance.missing) view.notice(`iommusan: not watched: ${missingText(fact)}.`);
    if (server) view.notice(`iommusan: metrics at ${server.url}`);
    if (options.duration !== undefined) timer = setTimeout(end, options.duration);
    session.start();
    const unread = session.tellInitialState(() =>
      session.pump.round((cpu, subBuffers) => check.source.feed(cpu, subBuffers)),
    );
    if (unread !== undefined) view.notice(`iommusan: not watched: ${initialStateMissing(unread)}.`);
    await watch(feed, ended, state => view.state(state));
  } finally {
    clearTimeout(timer);
    signals.release();
    const failed = session.close();
    view.close();
    server?.close();
    for (const what of failed) await write(io.stderr, `iommusan: tracefs could not be set back: ${what}\n`);
  }
  return found > 0 ? EXIT.findings : EXIT.clean;
}

/** The finding without how long the device reached the memory: that is not known yet. */
function untilNow({ reachable: _notKnownYet, ...finding }: Finding): Finding {
  return finding;
}

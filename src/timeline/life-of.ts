import type { Life, LifeEvent } from '../findings/life.ts';
import { kernelFrames } from '../findings/recording-frames.ts';
import type { SourceNames } from '../kernel/source.ts';
import { hex } from '../kernel/units.ts';
import type { Witnessed } from './life-log.ts';
import type { Subject } from './subject.ts';

/** The life that was followed, in words. */
export function lifeOf(subject: Subject, names: SourceNames, frames: number): Life {
  const { log, finding, pfn } = subject;
  const device = finding.device ?? finding.mapping?.device;
  const events = log.events().map(event => lifeEvent(event, names, frames));
  // What the verdict rests on is told in any case, in its place.
  for (const index of log.untold()) {
    const told = finding.story[index];
    if (told === undefined) continue;
    const { timeNs, cpu, pid, task, location } = told;
    const stack = kernelFrames(told.stack).slice(0, frames);
    events.push({
      role: 'judged',
      facts: {},
      timeNs,
      cpu,
      pid,
      task,
      stack,
      ...(location && { location }),
      belief: {},
      story: index,
    });
  }
  return {
    ...(pfn >= 0 && { pfn: hex(pfn) }),
    ...(device !== undefined && { device }),
    events: events.sort((a, b) => a.timeNs - b.timeNs),
    omitted: log.omitted,
  };
}

function lifeEvent(
  { role, facts, at, belief, story }: Witnessed,
  names: SourceNames,
  frames: number,
): LifeEvent {
  const location = names.locate(at.position);
  return {
    role,
    facts,
    timeNs: at.timeNs,
    cpu: at.cpu,
    pid: at.pid,
    task: names.task(at.pid),
    stack: kernelFrames(names.stack(at.stack)).slice(0, frames),
    ...(location && { location }),
    belief,
    ...(story >= 0 && { story }),
  };
}

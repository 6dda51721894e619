import type { Location, LogicalLocation, Region, Stack, ThreadFlowLocation } from 'sarif';
import type { Finding, StoryEvent, StoryRole } from '../findings/finding.ts';
import { kernelFrames } from '../findings/recording-frames.ts';
import type { EventLocation, StackFrame } from '../kernel/source.ts';
import { eventSentence } from './text-event.ts';
import { formatFrame } from './text-stack.ts';

/** What an event means for the memory, in the words of SARIF (3.38.8). */
const KINDS: Partial<Readonly<Record<StoryRole, readonly string[]>>> = {
  allocated: ['acquire', 'memory'],
  'allocated again': ['acquire', 'memory'],
  freed: ['release', 'memory'],
  'freed again': ['release', 'memory'],
  mapped: ['acquire', 'resource'],
  'found mapped': ['acquire', 'resource'],
  unmapped: ['release', 'resource'],
};

/** Where the rule fired: the event in the trace, and the function that it happened in. */
export function locationsOf(finding: Finding, file: string): Location[] {
  const fired = finding.story[finding.firedAt];
  return [
    fired === undefined
      ? { physicalLocation: { artifactLocation: { uri: uriOf(file) } } }
      : locationOf(fired, file),
  ];
}

/** The stack of the event at which the rule fired, and those of the events that led to it. */
export function stacksOf({ story }: Finding): Stack[] {
  return story.flatMap(event => (event.stack.length > 0 ? [stackOf(event)] : []));
}

/** The story as one thread flow: the events of all CPUs in the order of their time. */
export function threadFlowLocations({ story, firedAt }: Finding, file: string): ThreadFlowLocation[] {
  return story.map((event, index) => ({
    executionOrder: index + 1,
    importance: index === firedAt ? 'essential' : 'important',
    location: { ...locationOf(event, file), message: { text: eventSentence(event) } },
    ...(event.stack.length > 0 && { stack: stackOf(event) }),
    kinds: [...(KINDS[event.role] ?? ['call'])],
    properties: { role: event.role, timeNs: event.timeNs, cpu: event.cpu, pid: event.pid, task: event.task },
  }));
}

/** A file name as a URI reference: relative paths stay relative. */
export function uriOf(file: string): string {
  if (file === '-') return 'stdin';
  const path = file.split('/').map(encodeURIComponent).join('/');
  return path.startsWith('/') ? `file://${path}` : path;
}

function locationOf(event: StoryEvent, file: string): Location {
  const functions = kernelFrames(event.stack).slice(0, 1).map(logicalLocation);
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(event.location?.file ?? file) },
      ...(event.location && { region: regionOf(event.location) }),
    },
    ...(functions.length > 0 && { logicalLocations: functions }),
  };
}

/** Of a text the line, of a binary trace the offset in bytes. */
function regionOf({ offset, inChunk, line }: EventLocation): Region {
  if (line !== undefined) return { startLine: line };
  return { byteOffset: offset, ...(inChunk !== undefined && { properties: { inChunk } }) };
}

function stackOf(event: StoryEvent): Stack {
  return {
    message: { text: eventSentence(event) },
    frames: kernelFrames(event.stack).map(frame => ({
      location: {
        logicalLocations: [logicalLocation(frame)],
        message: { text: formatFrame(frame) },
      },
      module: frame.module ?? 'vmlinux',
      properties: {
        ...(frame.address !== undefined && { address: frame.address }),
        ...(frame.offset !== undefined && { offset: frame.offset }),
      },
    })),
  };
}

function logicalLocation({ symbol, address, module = 'vmlinux' }: StackFrame): LogicalLocation {
  const name = symbol ?? address ?? 'unknown';
  return { name, fullyQualifiedName: `${module}!${name}`, kind: 'function' };
}

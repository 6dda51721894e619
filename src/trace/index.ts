export { openTraceDat } from './dat/open.ts';
export type { CpuData, CpuStatistics, TraceBuffer, TraceDat } from './dat/trace-dat.ts';
export { type EventField, type EventFormat, parseEventFormat } from './events/event-format.ts';
export {
  type Extent,
  extentReader,
  findField,
  type NumberReader,
  numberReader,
  textAt,
} from './events/field-reader.ts';
export type { EventHandler, RawEvent } from './events/raw-event.ts';
export type { CpuCounts, WalkResult } from './events/walk.ts';
export { openSource } from './open-source.ts';
export type { Gap, Progress, Source, SourceBuffer, SourceDescription } from './source.ts';
export { TraceError } from './trace-error.ts';
export { TraceSource } from './trace-source.ts';

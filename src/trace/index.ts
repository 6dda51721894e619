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
export { DEFAULT_SUB_BUFFER, type KernelAbi, LITTLE_ENDIAN_64 } from './write/abi.ts';
export type { Compression } from './write/compress.ts';
export { CpuRing, type TakeSubBuffers } from './write/cpu-ring.ts';
export type { TraceDescription } from './write/description.ts';
export { type EventShape, shapeEvent } from './write/event-shape.ts';
export { EventWriter, type FieldValue } from './write/event-writer.ts';
export { KernelRecorder, type RecorderDescription } from './write/kernel-recorder.ts';
export { RingBuffer } from './write/ring-buffer.ts';
export { TraceWriter, type TraceWriterOptions } from './write/trace-writer.ts';

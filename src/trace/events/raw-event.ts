/**
 * One record of the ring buffer as the walker hands it to a handler: the same object each time, overwritten.
 */
export interface RawEvent {
  view: DataView;
  littleEndian: boolean;
  /** Offset in `view` of the event's data, and its length in bytes. */
  payload: number;
  payloadSize: number;
  timeNs: number;
  cpu: number;
  /** `common_pid`, `common_flags`. */
  pid: number;
  flags: number;
  /** See {@link executionContext}. */
  context: number;
  position: number;
  /** The kernel stack that was recorded with the event: where its frames begin, and their bytes; 0 bytes for none. */
  stackView: DataView;
  stackAt: number;
  stackBytes: number;
}

/** Called for each record of one kind of event. */
export type EventHandler = (event: RawEvent) => void;

export function newRawEvent(littleEndian: boolean): RawEvent {
  const view = new DataView(new ArrayBuffer(0));
  return {
    view,
    littleEndian,
    payload: 0,
    payloadSize: 0,
    timeNs: 0,
    cpu: 0,
    pid: 0,
    flags: 0,
    context: 0,
    position: -1,
    stackView: view,
    stackAt: 0,
    stackBytes: 0,
  };
}

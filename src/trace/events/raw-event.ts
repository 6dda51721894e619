import type { Moment } from '../../kernel/moment.ts';
import type { Recipe } from './recipe.ts';

/**
 * One record of the ring buffer as the walker hands it to a handler: the same object each time, overwritten. It is also
 * the moment of the event, but for the stack, see `stamp()` of the bindings.
 */
export interface RawEvent extends Moment {
  /** The chunk of the record, as bytes and as words, see {@link wordsOf}. */
  view: DataView;
  words: Uint32Array;
  littleEndian: boolean;
  /** Offset in `view` of the event's data, a multiple of 4, and its length in bytes. */
  payload: number;
  payloadSize: number;
  /** `common_flags`. */
  flags: number;
  /**
   * The kernel stack that was recorded with the event: its chunk as words, the byte offset at which its frames begin, and
   * their bytes; 0 for none.
   */
  stackWords: Uint32Array;
  stackAt: number;
  stackBytes: number;
}

/** Called for each record of one kind of event. */
export interface EventHandler {
  (event: RawEvent): void;
  /** How it tells ordinary events, where that can be said; of a probe, those of the function that it has seen last. */
  readonly recipe?: Recipe | undefined;
}

/** A handler, and how it tells ordinary events. */
export function withRecipe(handler: (event: RawEvent) => void, recipe: Recipe): EventHandler {
  return Object.assign(handler, { recipe });
}

export function newRawEvent(littleEndian: boolean): RawEvent {
  const words = new Uint32Array(0);
  return {
    view: new DataView(words.buffer),
    words,
    littleEndian,
    payload: 0,
    payloadSize: 0,
    flags: 0,
    timeNs: 0,
    cpu: 0,
    pid: 0,
    context: 0,
    stack: 0,
    position: -1,
    stackWords: words,
    stackAt: 0,
    stackBytes: 0,
  };
}

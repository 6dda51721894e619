import type { EventField } from './event-format.ts';

/**
 * How a kind of event is told in the ordinary case, as data: for code that is compiled ahead of time (`lane/`) and takes
 * the place of a handler where nothing is unusual.
 */
export interface Recipe {
  readonly what:
    | 'map entry'
    | 'map'
    | 'map return'
    | 'unmap entry'
    | 'unmap'
    | 'unmap return'
    | 'page alloc'
    | 'page free'
    | 'dma map begin'
    | 'dma map'
    | 'dma unmap';
  /** The fields that are read, in an order that belongs to `what`; `undefined` for one that the format lacks. */
  readonly fields: readonly (EventField | undefined)[];
  /** Of a call of the DMA API: the index of its kind in `DMA_KINDS`. */
  readonly kind?: number;
  /** Of a probe: the field with the address of its function, and the address that this is for. */
  readonly place?: { readonly field: EventField; readonly high: number; readonly low: number };
}

import type { EventField } from '../trace/events/event-format.ts';
import type { Recipe } from '../trace/events/recipe.ts';
import * as b from './assembly/board.ts';

const WHAT: Readonly<Record<Recipe['what'], number>> = {
  'map entry': b.MAP_ENTRY,
  map: b.MAP_TRACEPOINT,
  'map return': b.MAP_RETURN,
  'unmap entry': b.UNMAP_ENTRY,
  unmap: b.UNMAP_TRACEPOINT,
  'page alloc': b.PAGE_ALLOC,
  'page free': b.PAGE_FREE_EVENT,
  'dma map': b.DMA_MAP,
  'dma unmap': b.DMA_UNMAP,
  'unmap return': b.UNMAP_RETURN,
  'dma map begin': b.DMA_MAP_BEGIN,
};

/**
 * How the lane reads each field: all 64 bits; 32 bits, or 64 that hold no more; the same without a sign; the lower 32 bits;
 * a string elsewhere.
 */
type Form = 'long' | 'word' | 'unsigned' | 'low word' | 'string';

const LONGS: readonly Form[] = ['long', 'long', 'long'];
const DMA: readonly Form[] = ['string', 'long', 'long', 'long', 'word', 'low word'];
const FORMS: Readonly<Record<Recipe['what'], readonly Form[]>> = {
  'map entry': [...LONGS, 'long', 'unsigned'],
  map: LONGS,
  'map return': [],
  'unmap entry': LONGS,
  unmap: LONGS,
  'page alloc': ['long', 'word'],
  'page free': ['long', 'word'],
  'dma map': DMA,
  'dma unmap': DMA,
  'unmap return': [],
  'dma map begin': ['string'],
};

/** Fields that may be absent, by their place. */
const OPTIONAL: Readonly<Partial<Record<Recipe['what'], readonly number[]>>> = {
  'map entry': [4],
  'dma map': [3, 4, 5],
  'dma unmap': [3, 4, 5],
};

/** Place of the kind of a DMA API call, behind its fields. */
const DMA_KIND_AT = 6;

/** A recipe in the words of the lane; `undefined` where a field has another form than the lane reads. */
export function wordsOfRecipe({ what, fields, kind, place }: Recipe): Int32Array | undefined {
  const words = new Int32Array(b.RECIPE_WORDS);
  words[b.R_WHAT] = WHAT[what];
  let bytes = 0;
  for (const [i, form] of FORMS[what].entries()) {
    const field = fields[i];
    if (field === undefined && !OPTIONAL[what]?.includes(i)) return undefined;
    if (field !== undefined && !fits(field, form)) return undefined;
    words[b.R_FIELDS + i] = field?.offset ?? -1;
    if (field?.size === 8 && (form === 'word' || form === 'unsigned'))
      words[b.R_WIDE] = (words[b.R_WIDE] ?? 0) | (1 << i);
    if (field) bytes = Math.max(bytes, field.offset + field.size);
  }
  if (kind !== undefined) words[b.R_FIELDS + DMA_KIND_AT] = kind;
  if (place) {
    if (!fits(place.field, 'long')) return undefined;
    words[b.R_PLACE_AT] = place.field.offset;
    words[b.R_PLACE_HIGH] = place.high;
    words[b.R_PLACE_LOW] = place.low;
    bytes = Math.max(bytes, place.field.offset + place.field.size);
  }
  words[b.R_BYTES] = bytes;
  return words;
}

function fits({ size, layout, signed }: EventField, form: Form): boolean {
  if (form === 'string') return layout === 'data_loc' && size === 4;
  if (layout !== 'scalar') return false;
  switch (form) {
    case 'long':
      return size === 8;
    case 'unsigned':
      return size === 8 || (size === 4 && !signed);
    default:
      return size === 8 || size === 4;
  }
}

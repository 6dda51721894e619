import { EVENT, LOUD } from './board';
import * as event from './event';
import { word } from './memory';
import * as names from './names';
import { field } from './recipe';
import * as shadow from './shadow';

// Pages that come from the allocator and go back, see `tell.ts`.

/** Fields: pfn, order. */
export function pageEvent(recipe: usize, which: i32, loud: i32): i32 {
  const pfn = event.longField(field(recipe, 0));
  // An allocation that failed.
  if (pfn >> 32 === 0xffff_ffff) return 0;
  if ((word(LOUD) & loud) !== 0 || !event.isExact(field(recipe, 0))) return EVENT;
  const stackCode = names.learnStack();
  if (stackCode !== 0) return stackCode;
  return shadow.page(pfn, event.wordField(field(recipe, 1)) as u32, which);
}

import { KINDS, PAGE_ALLOC, PAGE_FREE_EVENT, R_BYTES, R_WHAT, RECIPE_WORDS, RECIPES } from './board';
import * as event from './event';
import { at, intAt } from './memory';
import * as pages from './pages';
import { field } from './recipe';

// What is not near is asked for before it is needed: the pages of a kernel come and go in no order, and an event that waits
// for memory holds up all behind it, but accesses that do not wait for each other wait together.

/** Looks where the pages are that some records tell of. `payloads` are addresses, or offsets from `base`. */
export function lookAhead(base: usize, payloads: usize, sizes: usize, count: i32): void {
  const kinds = at(KINDS);
  const recipes = at(RECIPES);
  for (let i = 0; i < count; i++) {
    const record = base + (intAt(payloads, i) as u32 as usize);
    const kind = intAt(kinds, event.typeOf(record));
    const recipe = recipes + (kind as usize) * (RECIPE_WORDS * 4);
    const what = intAt(recipe, R_WHAT);
    if (what !== PAGE_ALLOC && what !== PAGE_FREE_EVENT) continue;
    if (intAt(sizes, i) < intAt(recipe, R_BYTES)) continue;
    pages.touch(load<u64>(record + field(recipe, 0)), load<u32>(record + field(recipe, 1)));
  }
}

import { EVENT, LOUD } from './board';
import * as event from './event';
import { setWide, wide, word } from './memory';
import * as names from './names';
import * as pages from './pages';
import { field } from './recipe';
import * as refs from './refs';

// Pages that come from the allocator and go back, see `tell.ts`.

const LARGEST_ORDER: u32 = 4;

/** Fields: pfn, order. */
export function pageEvent(recipe: usize, which: i32, loud: i32, counter: i32): i32 {
  const pfn = event.longField(field(recipe, 0));
  // An allocation that failed.
  if (pfn >> 32 === 0xffff_ffff) return 0;
  if ((word(LOUD) & loud) !== 0 || !event.isExact(field(recipe, 0))) return EVENT;
  const order = event.wordField(field(recipe, 1)) as u32;
  if (order > LARGEST_ORDER) return EVENT;
  const count: u32 = 1 << order;
  if (refs.anyMapped(pfn, count) !== 0 || !pages.canNote(pfn, count)) return EVENT;
  const stackCode = names.learnStack();
  if (stackCode !== 0) return stackCode;
  pages.note(pfn, count, which);
  setWide(counter, wide(counter) + (count as f64));
  return 0;
}

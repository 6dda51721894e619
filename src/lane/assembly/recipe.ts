import { R_FIELDS, R_PLACE_AT, R_PLACE_HIGH, R_PLACE_LOW } from './board';
import * as event from './event';
import { intAt } from './memory';

// What a recipe says of the record in hand.

/** Whether a probe sits on the function that its recipe is for. */
export function isAtPlace(recipe: usize): bool {
  const place = intAt(recipe, R_PLACE_AT);
  return (
    event.wordField(place) === intAt(recipe, R_PLACE_LOW) &&
    event.wordField(place + 4) === intAt(recipe, R_PLACE_HIGH)
  );
}

/** The offset of a field. */
export function field(recipe: usize, index: i32): i32 {
  return intAt(recipe, R_FIELDS + index);
}

/** Whether all fields of 32 bits that the record holds in 64 are that small. */
export function areNarrow(recipe: usize, fields: i32): bool {
  for (let i = 0; fields >> i !== 0; i++) {
    if (((fields >> i) & 1) !== 0 && event.wordField(field(recipe, i) + 4) !== 0) return false;
  }
  return true;
}

export function valueOr(offset: i32, otherwise: i32): i32 {
  return offset < 0 ? otherwise : event.wordField(offset);
}

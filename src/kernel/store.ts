/**
 * Where tables have their columns: each in memory of its own, or all of them in one memory that compiled code works on
 * as well.
 */
export interface Store {
  /** A column of zeroes. */
  ints(length: number): Int32Array;
  /** A column of zeroes. */
  floats(length: number): Float64Array;
  /** A column is not used any more. */
  release(column: Int32Array | Float64Array): void;
}

/** Memory of its own for each column, which the garbage collector takes back. */
export const OWN_MEMORY: Store = {
  ints: length => new Int32Array(length),
  floats: length => new Float64Array(length),
  release: () => undefined,
};

/** A copy of a column with room for `size` records, which replaces it. */
export function grownInts(from: Int32Array, size: number, store: Store = OWN_MEMORY): Int32Array {
  const into = store.ints(size);
  into.set(from);
  store.release(from);
  return into;
}

/** A copy of a column with room for `size` records, which replaces it. */
export function grownFloats(from: Float64Array, size: number, store: Store = OWN_MEMORY): Float64Array {
  const into = store.floats(size);
  into.set(from);
  store.release(from);
  return into;
}

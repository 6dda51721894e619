import { Random } from '../threads/random.ts';

/** What a driver or a device may do in a random program. */
export const RIGHT_OPERATIONS = ['alloc', 'free', 'map', 'unmap', 'access', 'wait'] as const;

/** The mistakes. */
export const WRONG_OPERATIONS = [
  /** Frees a block that is mapped. */
  'free-mapped',
  /** Unmaps a part of a mapping. */
  'unmap-part',
  /** Unmaps beyond the end of a mapping. */
  'unmap-more',
  /** Unmaps what was unmapped already. */
  'unmap-again',
  /** Maps something where a mapping is. */
  'map-over',
  /** Maps a block that was freed. */
  'map-freed',
  /** The device accesses whatever it once was given. */
  'access-former',
] as const;

export type OperationKind = (typeof RIGHT_OPERATIONS)[number] | (typeof WRONG_OPERATIONS)[number];

/**
 * One operation. The numbers choose among what there is when it runs, so that every list of operations is a program,
 * and a part of one is too: what fails can be made smaller.
 */
export interface Operation {
  readonly kind: OperationKind;
  readonly cpu: number;
  /** Which block, mapping or domain. */
  readonly which: number;
  /** Which size, offset or part. */
  readonly how: number;
}

export interface ProgramOptions {
  readonly operations: number;
  readonly cpus: number;
  /** Share of operations that are mistakes; 0 makes a right program. */
  readonly mistakes: number;
}

/** A random program; the same seed gives the same one. */
export function randomProgram(seed: number, { operations, cpus, mistakes }: ProgramOptions): Operation[] {
  const random = new Random(seed);
  return Array.from({ length: operations }, () => ({
    kind: random.chance(mistakes) ? random.pick(WRONG_OPERATIONS) : random.pick(RIGHT_OPERATIONS),
    cpu: random.below(cpus),
    which: random.below(2 ** 16),
    how: random.below(2 ** 16),
  }));
}

import { Random } from '../threads/random.ts';

/** What may happen to kernel page tables and to the devices that walk them; what is listed twice happens more often. */
export const KERNEL_TABLE_OPERATIONS = [
  'bind',
  'bind',
  'unbind',
  'map small',
  'map small',
  'unmap small',
  'map huge',
  'map huge',
  'unmap huge',
  'map giant',
  'split',
  'collapse',
  'touch',
  'touch',
  'touch',
  'touch',
  'touch',
  'touch',
  'touch user memory',
  'unmap user memory',
  'step work',
  'step work',
  'finish work',
  'go on',
  'reuse',
  'reuse',
  'give back',
] as const;

/** Places that give a table up before they unlink it: no design of the work can help them. */
export const UNORDERED_OPERATIONS = ['empty by CPA', 'hot-add', 'hot-remove'] as const;

export type KernelTableOperationKind =
  | (typeof KERNEL_TABLE_OPERATIONS)[number]
  | (typeof UNORDERED_OPERATIONS)[number];

/** One operation; the numbers choose among what there is when it runs, so that every list of operations is a program. */
export interface KernelTableOperation {
  readonly kind: KernelTableOperationKind;
  readonly which: number;
  readonly how: number;
}

/** A random program; the same seed gives the same one. */
export function randomKernelTableProgram(
  seed: number,
  operations: number,
  isOrdered: boolean,
): KernelTableOperation[] {
  const random = new Random(seed);
  const kinds = isOrdered
    ? KERNEL_TABLE_OPERATIONS
    : [...KERNEL_TABLE_OPERATIONS, ...UNORDERED_OPERATIONS, ...UNORDERED_OPERATIONS];
  return Array.from({ length: operations }, () => ({
    kind: random.pick<KernelTableOperationKind>(kinds),
    which: random.below(2 ** 16),
    how: random.below(2 ** 16),
  }));
}

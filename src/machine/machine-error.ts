/**
 * A program did what a kernel does not survive: a double free, a free of the wrong order, an operation on what does not
 * exist. Wrong use of an API that a kernel merely warns of is no error, it is in the {@link KernelLog}.
 */
export class MachineError extends Error {
  override readonly name = 'MachineError';
}

import type { ExitCode } from './exit-code.ts';
import { type TextIo, write } from './io.ts';

/** Runs a command; an error that it throws is told on standard error, in a line of its own. */
export async function reported<T>({ stderr }: TextIo, run: () => Promise<T>): Promise<T | ExitCode> {
  try {
    return await run();
  } catch (error) {
    const { problemOf } = await import('./problem.ts');
    const problem = problemOf(error);
    await write(stderr, `iommusan: ${problem.message}\n`);
    return problem.exitCode;
  }
}

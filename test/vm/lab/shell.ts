import { execFileSync, spawn } from 'node:child_process';

/** Runs a program to its end; its output goes into the error when it fails. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): string {
  try {
    return execFileSync(program, [...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`.slice(0, 8000));
  }
}

/** Runs a program as root: CI may not be. */
export function runAsRoot(program: string, args: readonly string[]): string {
  return process.getuid?.() === 0 ? run(program, args) : run('sudo', [program, ...args]);
}

/** How a program in the background is watched. */
export interface Watch {
  readonly limitMs: number;
  /** Is given all that the program has written whenever it has written; what it throws ends the program. */
  readonly output?: (text: string) => void;
}

/** Runs a program in the background; its output is kept, and it is killed when it takes too long. */
export function start(program: string, args: readonly string[], { limitMs, output }: Watch): Promise<string> {
  return new Promise((settle, fail) => {
    const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let reason: unknown;
    const take = (part: Buffer): void => {
      text += part.toString('latin1');
      try {
        output?.(text);
      } catch (error) {
        reason ??= error;
        child.kill('SIGKILL');
      }
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.once('error', fail);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (reason !== undefined) fail(reason);
      else if (code === 0) settle(text);
      else fail(new Error(`${program} ended with ${signal ?? code}:\n${text.slice(-4000)}`));
    });
  });
}

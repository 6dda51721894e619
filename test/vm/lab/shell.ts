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

/** Runs a program in the background; its output is kept, and it is killed when it takes too long. */
export function start(program: string, args: readonly string[], limitMs: number): Promise<string> {
  return new Promise((settle, fail) => {
    const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.stderr.on('data', (part: Buffer) => parts.push(part));
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.once('error', fail);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const output = Buffer.concat(parts).toString('latin1');
      if (code === 0) settle(output);
      else fail(new Error(`${program} ended with ${signal ?? code}:\n${output.slice(-4000)}`));
    });
  });
}

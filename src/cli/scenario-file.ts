import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { compileFunction } from 'node:vm';
import type { Scenario } from '../machine/scenarios/scenario.ts';
import { TraceError } from '../trace/trace-error.ts';

/**
 * A scenario of the user's own: a module, in TypeScript or JavaScript, that exports one by default. Node 20 reads no
 * TypeScript: its types are taken out here. What it imports in turn must be JavaScript.
 *
 * @throws {@link TraceError} where the file cannot be read, or exports no scenario
 */
export async function loadScenarioFile(path: string): Promise<Scenario> {
  const exported = await load(path);
  if (!isScenario(exported)) {
    throw new TraceError(
      path,
      "exports no scenario by default: an object with 'id', 'title', 'story' and 'run'",
    );
  }
  return { ...exported, expected: exported.expected ?? {} };
}

/** Whether an argument is meant as a file, not as the id of a scenario. */
export function looksLikeFile(argument: string): boolean {
  return /[\\/.]/.test(argument);
}

async function load(path: string): Promise<unknown> {
  const absolute = resolve(path);
  try {
    const source = readFileSync(absolute, 'utf8');
    const { transform } = await import('sucrase');
    const { code } = transform(source, {
      transforms: ['typescript', 'imports'],
      disableESTransforms: true,
      filePath: path,
    });
    const run = compileFunction(code, ['module', 'exports', 'require', '__filename', '__dirname'], {
      filename: absolute,
    });
    const module: { exports: { default?: unknown } } = { exports: {} };
    run(module, module.exports, createRequire(absolute), absolute, dirname(absolute));
    return module.exports.default;
  } catch (error) {
    const { message } = error as Error;
    throw new TraceError(path, `cannot be loaded as a scenario: ${message.split('\n')[0]}`);
  }
}

function isScenario(value: unknown): value is Scenario {
  if (typeof value !== 'object' || value === null) return false;
  const { id, title, story, run } = value as Partial<Record<keyof Scenario, unknown>>;
  return [id, title, story].every(text => typeof text === 'string') && typeof run === 'function';
}

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { Script } from 'node:vm';

/**
 * What a bundle of the command leaves as `iommusan` of its `this`, be it compiled as a script or required: the function
 * that Node makes of a CommonJS file. Without it in the file, Node would put the text together anew in each run.
 */
type BundledProgram = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  filename: string,
  dirname: string,
) => void;

/**
 * Where the compiled code of a bundle is kept for the V8 at hand: its version, its flags and the features of the
 * processor are in the name, so that nothing is read that V8 would refuse.
 */
export function codeCacheOf(path: string): string {
  return `${path}.${cachedDataVersionTag().toString(16)}.cache`;
}

/** A bundle that is compiled, and may be run. */
export interface CompiledBundle {
  readonly script: Script;
  run(require: NodeJS.Require): void;
}

/**
 * Compiles a bundle; functions in `cachedData` are there without being compiled.
 *
 * V8 compares the length of the source, not its text: whoever writes the file writes the cache behind it.
 */
export function compileBundle(path: string, cachedData?: Buffer): CompiledBundle {
  // Bundles are ASCII: read as such, the text need not be decoded.
  const source = readFileSync(path, 'latin1');
  const script = new Script(source, { filename: path, ...(cachedData && { cachedData }) });
  return {
    script,
    run(require) {
      runBundle(script.runInThisContext() as BundledProgram, path, require);
    },
  };
}

/** Runs a bundle that Node loads. */
export function requireBundle(path: string, require: NodeJS.Require): void {
  const { iommusan } = require(path) as { iommusan: BundledProgram };
  runBundle(iommusan, path, require);
}

function runBundle(program: BundledProgram, path: string, require: NodeJS.Require): void {
  const module = { exports: {} };
  program.call(module.exports, module.exports, require, module, path, dirname(path));
}

/** Compiles a bundle from its cache; `undefined` where there is none for this V8. */
export function compileFromCache(path: string): CompiledBundle | undefined {
  let cachedData: Buffer;
  try {
    cachedData = readFileSync(codeCacheOf(path));
  } catch {
    return undefined;
  }
  return compileBundle(path, cachedData);
}

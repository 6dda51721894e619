import { readFileSync } from 'node:fs';
import { wrap } from 'node:module';
import { dirname } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { Script } from 'node:vm';

/** What a CommonJS file is compiled as, see `wrap()` of node:module. */
type CommonJsWrapper = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  filename: string,
  dirname: string,
) => void;

/**
 * Where the compiled code of a CommonJS file is kept for the V8 at hand: its version, its flags and the features of the
 * processor are in the name, so that nothing is read that V8 would refuse.
 */
export function codeCacheOf(path: string): string {
  return `${path}.${cachedDataVersionTag().toString(16)}.cache`;
}

/** A CommonJS file that is compiled, and may be run. */
export interface CompiledFile {
  readonly script: Script;
  run(require: NodeJS.Require): void;
}

/**
 * Compiles a CommonJS file; functions in `cachedData` are there without being compiled.
 *
 * V8 compares the length of the source, not its text: whoever writes the file writes the cache behind it.
 */
export function compileCommonJs(path: string, cachedData?: Buffer): CompiledFile {
  // Bundles are ASCII: read as such, the text need not be decoded.
  const source = wrap(readFileSync(path, 'latin1'));
  const script = new Script(source, { filename: path, ...(cachedData && { cachedData }) });
  return {
    script,
    run(require) {
      const wrapper = script.runInThisContext() as CommonJsWrapper;
      const module = { exports: {} };
      wrapper.call(module.exports, module.exports, require, module, path, dirname(path));
    },
  };
}

/** Compiles a CommonJS file from its cache; `undefined` where there is none for this V8. */
export function compileFromCache(path: string): CompiledFile | undefined {
  let cachedData: Buffer;
  try {
    cachedData = readFileSync(codeCacheOf(path));
  } catch {
    return undefined;
  }
  return compileCommonJs(path, cachedData);
}

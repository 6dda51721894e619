#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { compileFromCache } from './code-cache.ts';

// This file only starts the command, which stands beside it as a bundle: see docs/decisions on start-up.
const command = join(__dirname, 'command.cjs');
const compiled = compileFromCache(command);

// Only now: V8 refuses code that was cached under other flags.
//
// A small trace is read in less time than V8 takes to optimise the functions that read it, and its compiler threads
// take the processor from them. Inlining less makes their work smaller; the zstd decoder, one function of which takes
// 40 ms to optimise, waits until some 100 MB are decompressed. Long traces are read as fast as before.
setFlagsFromString('--max-inlined-bytecode-size-cumulative=120');
setFlagsFromString('--wasm-tiering-budget=100000000');

if (compiled) {
  compiled.run(require);
} else {
  // Node 22.8 and later keep compiled code themselves, if they are asked to.
  const { enableCompileCache } = nodeModule as { enableCompileCache?: (folder: string) => unknown };
  enableCompileCache?.(join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'iommusan'));
  require(command);
}

#!/usr/bin/env node
import { join } from 'node:path';
import { isPlainCheck } from '../cli/plain-check.ts';
import { compileFromCache, requireBundle } from './code-cache.ts';
import { setV8Flags } from './v8-flags.ts';

// This file only starts the command, which stands beside it as a bundle: see docs/decisions on start-up.
const words = process.argv.slice(2);
const bundle = join(__dirname, isPlainCheck(words, process.env) ? 'check.cjs' : 'command.cjs');
const compiled = compileFromCache(bundle);

// Only now: V8 refuses code that was cached under other flags.
setV8Flags(words);

if (compiled) compiled.run(require);
else requireKept(bundle);

/** Node 22.8 and later keep compiled code themselves, if they are asked to. */
function requireKept(path: string): void {
  const { enableCompileCache } = require('node:module') as {
    enableCompileCache?: (folder: string) => unknown;
  };
  if (enableCompileCache) {
    const { homedir } = require('node:os') as typeof import('node:os');
    enableCompileCache(join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'iommusan'));
  }
  requireBundle(path, require);
}

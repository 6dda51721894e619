#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { compileFromCache } from './code-cache.ts';
import { setV8Flags } from './v8-flags.ts';

// This file only starts the command, which stands beside it as a bundle: see docs/decisions on start-up.
const command = join(__dirname, 'command.cjs');
const compiled = compileFromCache(command);

// Only now: V8 refuses code that was cached under other flags.
setV8Flags(process.argv.slice(2));

if (compiled) {
  compiled.run(require);
} else {
  // Node 22.8 and later keep compiled code themselves, if they are asked to.
  const { enableCompileCache } = nodeModule as { enableCompileCache?: (folder: string) => unknown };
  enableCompileCache?.(join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'iommusan'));
  require(command);
}

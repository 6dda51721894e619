#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { main } from '../cli/main.ts';

// A small trace is read in less time than V8 takes to optimise the functions that read it, and its compiler threads
// take the processor from them. Inlining less makes their work smaller; the zstd decoder, one function of which takes
// 40 ms to optimise, waits until some 100 MB are decompressed. Long traces are read as fast as before.
setFlagsFromString('--max-inlined-bytecode-size-cumulative=120');
setFlagsFromString('--wasm-tiering-budget=100000000');

// All output is written when main() is done. Left alone, Node would first wait for V8 to finish compiling functions
// that nobody will call any more: 40 ms after a small trace.
main(process.argv.slice(2), process).then(code => process.exit(code));

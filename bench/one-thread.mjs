// node bench/one-thread.mjs TRACE.dat: a check in which no other thread unpacks.
import { checkTrace } from '../dist/index.js';

await checkTrace(process.argv[2], { unpackAhead: false });
process.exit(0);

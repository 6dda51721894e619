// Processor time of reading a text to records alone, nanoseconds a line: node bench/read-text.mjs TEXT
import { openSource } from '../dist/trace/index.js';
import { printed } from './measure.mjs';

const [path] = process.argv.slice(2);
const lines = printed(['wc', '-l', path]);
const source = await openSource(path);
const before = process.cpuUsage();
await source.walkBatches(() => undefined, { eventsLost: () => undefined });
const { user, system } = process.cpuUsage(before);
source.close();
console.log(((user + system) * 1000) / lines);

// node bench/first-finding.mjs TRACE: prints the rule of the first finding, as soon as it is one, and stops.
import { checkTrace } from '../dist/index.js';

await checkTrace(process.argv[2], {
  onFinding({ rule }) {
    console.log(rule);
    process.exit();
  },
});

// Writes docs/designs.md: which design survives which scenario, as the simulated machine's truth has it. Needs a build.
import { writeFileSync } from 'node:fs';
import { PAGE_POOL_DESIGNS, runOn, SCENARIOS, stageFor } from '../dist/machine/index.js';

const SANITIZER_DESIGNS = ['v2', 'v5', 'merged'];

/** Plays a scenario in its first format, or the one that is named. */
function play(scenario, options) {
  const stage = stageFor(scenario, options);
  runOn(stage, scenario);
  return stage.machine;
}

/** What the truth holds against a run. */
function failure({ truth, names, owners }) {
  const parts = [];
  const [bad] = truth.bad;
  if (bad) {
    const whose = bad.owner === 0 ? 'free' : `now of "${owners.name(bad.owner)}"`;
    const page = `page 0x${bad.pfn.toString(16)}, ${whose}`;
    const what = bad.isWrite ? 'a write' : 'a read';
    parts.push(`${truth.badAccesses} bad: ${what} of ${names.device(bad.device)} reached ${page}`);
  }
  const [dead] = truth.deadUnmaps;
  if (dead) parts.push(`${truth.deadUnmaps.length} through dead ops: ${dead.kind}`);
  return parts.join('; ');
}

function table(prefix, designs, cell) {
  const scenarios = SCENARIOS.filter(({ id }) => new RegExp(`^${prefix}\\d+$`).test(id));
  const rows = scenarios.map(scenario => {
    const cells = designs.map(design => cell(scenario, design));
    return `| ${[scenario.id, scenario.title, ...cells].join(' | ')} |`;
  });
  const head = ['', 'what happens', ...designs.map(design => `\`${design}\``)];
  return [`| ${head.join(' | ')} |`, `| ${head.map(() => '---').join(' | ')} |`, ...rows].join('\n');
}

const survives = machine => failure(machine) || 'survives';
const warnings = ({ log, sanitizer }) => {
  const oops = log.lines.filter(({ level }) => level === 'oops').length;
  const others = log.lines.length - oops - sanitizer.pageLeaks;
  const parts = [
    ...(sanitizer.pageLeaks > 0
      ? [`${sanitizer.pageLeaks} page ${sanitizer.pageLeaks === 1 ? 'leak' : 'leaks'}`]
      : []),
    ...(others > 0 ? [`${others} other`] : []),
    ...(oops > 0 ? [`${oops} oops`] : []),
  ];
  return parts.join(', ') || 'silent';
};

writeFileSync(
  'docs/designs.md',
  `# Which design survives what

Written by \`npm run docs:machine\` from runs of the [simulated machine](machine.md). "Bad" is an access of a device that reached a page whose owner had changed; "dead ops" is a DMA unmap through a device whose driver has left, that was bound again, or that is gone. Neither is a matter of which rule fires: it is what happened. The designs of freeing kernel page tables have [a page of their own](kernel-page-tables.md).

\`iommusan simulate P3 --page-pool skip-unmap\` tells the story of one cell.

## page_pool: pages in flight when the driver leaves

- \`before\`: a page is unmapped when it comes back, through whatever the device is by then.
- \`keep-device\`: the same, but the pool holds a reference to the device. The memory of \`struct device\` is not what is missing: the driver, its ops and, after a removal, the domain are gone all the same.
- \`skip-unmap\`: a page that comes back after the driver has left is not unmapped. It goes to its next owner within reach of the device.
- \`merged\`: in-flight pages are recorded, and unmapped when the pool is destroyed (Linux 7.2).

${table('P', PAGE_POOL_DESIGNS, (scenario, design) => survives(play(scenario, { pagePool: design })))}

## The sanitizer: what the kernel prints

"Page leaks" are the lines "Detected page leak!", one for each page at each alloc and free; in each scenario's first page-table format.

${table('S', SANITIZER_DESIGNS, (scenario, design) => warnings(play(scenario, { sanitizer: design })))}
`,
);

// `npm start`: the verdict on a bundled recording, and what to do next.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const path = name => fileURLToPath(new URL(name, import.meta.url));
const command = path('../dist/bin/iommusan.cjs');
const trace = 'examples/uaf.dat';

const { status } = spawnSync(process.execPath, [command, 'check', trace], {
  stdio: 'inherit',
  cwd: path('..'),
});

console.log(`
What you have just seen
  ${trace} is a recording of a real kernel (Linux 7.2 in QEMU, with an emulated VT-d).
  Its driver, dmabugs, freed a page that its device could still write to, and unmapped it
  0.15 s later. iommusan found that in the events alone: a kernel built without any debug
  option records them just as well.

Run next
  npx iommusan check examples/ok.dat                          a driver that does it right
  npx iommusan stats examples/uaf.dat                         what a trace holds
  npx iommusan check --format json examples/uaf.dat           the same verdict for programs
  npx iommusan check --accounting kernel examples/uaf.dat     what IOMMU_DEBUG_PAGEALLOC counts
  npx iommusan check --help                                   everything else
  docs/recording.md                                           how to record your own machine`);

// Findings (1) are what this example is about; anything else is not.
process.exitCode = status === 1 ? 0 : (status ?? 1) || 1;

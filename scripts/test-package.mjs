// Packs the package, installs it in an empty folder without the network, and uses it as a stranger would:
// the command, the library, and its types.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'iommusan-package-'));
const run = (command, args, options = {}) =>
  execFileSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });

const CONSUMER = `
import { checkTrace, RULES, type CheckReport } from 'iommusan';
import { silentEvents, type KernelEvents } from 'iommusan/kernel';
import { TraceSource } from 'iommusan/trace';
import { Judge } from 'iommusan/checks';
import { Shadow } from 'iommusan/shadow';
import { renderText } from 'iommusan/report';
import { FindingCollector } from 'iommusan/findings';

const report: CheckReport = await checkTrace(process.argv[2] ?? '');
const events: KernelEvents = silentEvents;
void [RULES, events, TraceSource, Judge, Shadow, FindingCollector];
process.stdout.write(renderText(report, { color: false, width: 80 }));
`;

try {
  const tarball = run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n');
  run('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', `./${tarball.trim()}`]);
  writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  run(process.execPath, [
    compiler,
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--skipLibCheck',
    '--types',
    'node',
    '--typeRoots',
    join(root, 'node_modules/@types'),
    'consumer.ts',
  ]);
  const trace = join(root, 'examples/ok.dat');
  const text = run(process.execPath, ['consumer.js', trace]);
  const command = run(join(folder, 'node_modules/.bin/iommusan'), ['check', trace]);
  for (const output of [text, command]) {
    if (!output.includes('No DMA lifetime bug found')) throw new Error(`unexpected output:\n${output}`);
  }
  console.log('The package installs without dependencies; its command, library and types work.');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

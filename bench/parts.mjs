// What the parts of a check cost, from V8's own profile of a run: self time by the source that the code came from.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The parts, by what the path of a source file contains; the first that fits counts. */
const PARTS = [
  ['decompress', /zstd|decompress/],
  ['read the file', /src\/trace\/(file|dat)\//],
  ['walk and merge', /src\/trace\/events\/(?!field-reader)/],
  ['decode and bind', /src\/trace\//],
  ['shadow', /src\/shadow\//],
  ['checks', /src\/(checks|findings)\//],
  ['report', /src\/(report|cli)\//],
];

/** The same of functions of the lane, which are named after their files. */
const LANE_PARTS = [
  ['walk and merge', /assembly\/(index|cursor|merge|ahead)\//],
  ['decode and bind', /assembly\/(event|names|recipe|threads|devices|tell[a-z-]*)\//],
  ['shadow', /assembly\/(shadow|drain|iova|refs|ref-nodes|uncount|pages|mappings|dma|memory)\//],
];

/** Parts with their share of the whole and their microseconds, the largest first. */
export async function profiledParts(trace, folder) {
  const profiles = mkdtempSync(join(folder, 'profile-'));
  const bundle = join(profiles, 'profiled.cjs');
  await bundleWithSources(bundle);
  const args = ['--cpu-prof', `--cpu-prof-dir=${profiles}`, bundle, 'check', trace];
  const { error, status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (error ?? status > 1) throw error ?? new Error('the check failed');
  const profile = JSON.parse(
    readFileSync(
      join(
        profiles,
        readdirSync(profiles).find(name => name.endsWith('.cpuprofile')),
      ),
      'utf8',
    ),
  );
  const sourceOf = sourcesByLine(readFileSync(bundle, 'utf8'));
  rmSync(profiles, { recursive: true });
  const parts = new Map();
  const byId = new Map(profile.nodes.map(node => [node.id, node]));
  profile.samples.forEach((id, i) => {
    const part = partOf(byId.get(id).callFrame, sourceOf);
    parts.set(part, (parts.get(part) ?? 0) + profile.timeDeltas[i]);
  });
  const total = [...parts.values()].reduce((sum, us) => sum + us, 0);
  return [...parts]
    .map(([part, us]) => ({ part, us, share: us / total }))
    .filter(({ share }) => share >= 0.005)
    .sort((a, b) => b.us - a.us);
}

/** The same program as `check.cjs`, as it is before it is made small. */
async function bundleWithSources(outfile) {
  await build({
    absWorkingDir: root,
    entryPoints: ['src/bin/check.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['cli-progress', 'yaml', 'ajv'],
    define: { __IOMMUSAN_VERSION__: '""', fetch: 'undefined' },
    logLevel: 'error',
  });
}

/** The bundler writes a comment with the path of each source before its code. */
function sourcesByLine(text) {
  let source = '';
  return text.split('\n').map(line => {
    const match = /^\/\/ ((?:src|node_modules)\/\S+)$/.exec(line);
    if (match) source = match[1];
    return source;
  });
}

function partOf({ functionName, url, lineNumber }, sourceOf) {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (url.startsWith('wasm') || functionName.includes('/lane/assembly/')) {
    return LANE_PARTS.find(([, pattern]) => pattern.test(functionName))?.[0] ?? 'decompress';
  }
  if (!url.includes('profiled.cjs')) return 'Node';
  const source = sourceOf[lineNumber] ?? '';
  return PARTS.find(([, pattern]) => pattern.test(source))?.[0] ?? 'other';
}

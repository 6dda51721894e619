// Builds dist/: JavaScript bundled by esbuild, declarations by tsc. Silent when all is well.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildLane } from './build-lane.mjs';
import { buildPage } from './build-page.mjs';
import { buildUnpacker } from './build-unpacker.mjs';

/** Packages whose authors name the licence in package.json alone. */
const WITHOUT_LICENCE_FILE = new Set(['xz-decompress']);

/** As much of zstddec as src/trace/file/zstd-module.ts uses: it hands over its compiled code. */
const WASM_FROM_FILE = `
import { readFileSync } from 'node:fs';
export class ZSTDDecoder {
  _init() {}
  async init() {
    this._init({ module: new WebAssembly.Module(readFileSync(__dirname + '/packages/zstd.wasm')) });
  }
}`;

/** src/lane/code.ts, the same way. */
const LANE_FROM_FILE = `
import { readFileSync } from 'node:fs';
export const compiledCode = () => readFileSync(__dirname + '/packages/lane.wasm');`;

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

// The library: one file for each entry of "exports" in package.json, what they share in chunks.
const ROOMS = ['kernel', 'trace', 'machine', 'shadow', 'checks', 'findings', 'report'];
const library = ['src/index.ts', ...ROOMS.map(room => `src/${room}/index.ts`)];

// Packages that few runs of the command need stand beside it in files of their own, for Node to read only then.
const APART = {
  yaml: 'yaml',
  'ajv/dist/2020.js': 'ajv',
  sucrase: 'sucrase',
  'cli-progress': 'cli-progress',
};

rmSync('dist', { recursive: true, force: true });
await buildLane();
await buildUnpacker();

const common = {
  outdir: 'dist',
  outbase: 'src',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  legalComments: 'eof',
  define: {
    __IOMMUSAN_VERSION__: JSON.stringify(version),
    // Only zstddec asks for it, to decode the WebAssembly that it carries. Without fetch() it takes the same bytes
    // from a Buffer; with it, Node first loads its whole HTTP client, which costs 22 ms of each run.
    fetch: 'undefined',
  },
  metafile: true,
  logLevel: 'warning',
};

// The executable is CommonJS: Node looks up, reads and links each file of an ECMAScript program by itself.
const executable = {
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  // The command reads the pages of the rules from the package that it is in.
  define: { ...common.define, 'import.meta.dirname': '__dirname' },
  // Code that is compiled by itself has no import(): Node's modules are required.
  supported: { 'dynamic-import': false },
  charset: 'ascii', // compileBundle() relies on it.
  plugins: [childProcessWhenNeeded(), packagesApart(), wasmApart()],
  // It is read and copied whole in each run, so it has no more letters than it needs. The names of functions stay, for
  // who reads the stack of an error.
  minifyWhitespace: true,
  minifySyntax: true,
};

// Each program is one file. What only some runs need is evaluated by these alone.
const program = {
  ...executable,
  // See BundledProgram in src/bin/code-cache.ts. The parentheses have V8 compile it at once where there is no cache.
  banner: { js: 'this.iommusan=(function(exports,require,module,__filename,__dirname){' },
  footer: { js: '});' },
};

const outputs = await Promise.all([
  build({ ...common, entryPoints: library, splitting: true, chunkNames: 'chunks/[name]-[hash]' }),
  // What starts the command, and what the build calls.
  build({
    ...common,
    ...executable,
    entryPoints: ['iommusan', 'write-code-cache', 'write-man-pages'].map(name => `src/bin/${name}.ts`),
  }),
  build({ ...common, ...program, entryPoints: ['src/bin/command.ts'] }),
  build({
    ...common,
    ...program,
    entryPoints: ['src/bin/check.ts'],
    plugins: [...program.plugins, leftOut(/\/(whole-reports|expectations)\.ts$/)],
  }),
  build({
    ...common,
    entryPoints: Object.entries(APART).map(([path, name]) => ({ in: path, out: `bin/packages/${name}` })),
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    minify: true,
  }),
]).catch(() => process.exit(1)); // esbuild has said why.

chmodSync('dist/bin/iommusan.cjs', 0o755);
writeCodeCache();
spawnSync(process.execPath, ['dist/bin/write-man-pages.cjs'], { stdio: 'inherit' });
rmSync('dist/bin/write-man-pages.cjs');
const inputs = [...outputs.flatMap(({ metafile }) => Object.keys(metafile.inputs)), ...(await buildPage())];
writeFileSync('dist/THIRD-PARTY-LICENSES.txt', licensesOf(inputs));

const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
process.exitCode = tsc.status ?? 1;

/**
 * Compiled code of the command for the Node that builds it: what a check and the statistics of the examples call. Without
 * it the command starts all the same, 15 ms later.
 */
function writeCodeCache() {
  const runs = ['check examples/uaf.dat', 'check --format json examples/ok.dat', 'stats examples/ok.dat'];
  spawnSync(process.execPath, ['dist/bin/write-code-cache.cjs', ...runs.join(' -- ').split(' ')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/**
 * commander loads node:child_process, and with it Node's network code, for subcommands that are programs of their own.
 * There are none here: it gets it when it asks.
 */
function childProcessWhenNeeded() {
  return {
    name: 'child-process-when-needed',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
        importer.includes('/commander/') ? { path: 'child_process', namespace: 'when-needed' } : undefined,
      );
      onLoad({ filter: /.*/, namespace: 'when-needed' }, () => ({
        contents: "exports.spawn = (...args) => require('child_process').spawn(...args);",
      }));
    },
  };
}

/** Modules that a bundle never gets to, whatever it is given. */
function leftOut(filter) {
  return {
    name: 'left-out',
    setup({ onLoad }) {
      onLoad({ filter }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`${path.slice(root.length)} is not in this bundle`)});`,
      }));
    },
  };
}

/** zstddec carries its WebAssembly as text in base64; the executable reads the bytes when it needs them. */
function wasmApart() {
  return {
    name: 'wasm-apart',
    setup({ onLoad }) {
      onLoad({ filter: /\/zstddec-stream\.mjs$/ }, ({ path }) => {
        const [, wasm] = /^const wasm = "([A-Za-z0-9+/=]+)";$/m.exec(readFileSync(path, 'utf8'));
        mkdirSync('dist/bin/packages', { recursive: true });
        writeFileSync('dist/bin/packages/zstd.wasm', Buffer.from(wasm, 'base64'));
        return { contents: WASM_FROM_FILE };
      });
      onLoad({ filter: /\/lane\/code\.ts$/ }, ({ path }) => {
        const [, wasm] = /'([A-Za-z0-9+/=]+)'/.exec(readFileSync(path, 'utf8'));
        mkdirSync('dist/bin/packages', { recursive: true });
        writeFileSync('dist/bin/packages/lane.wasm', Buffer.from(wasm, 'base64'));
        return { contents: LANE_FROM_FILE };
      });
    },
  };
}

function packagesApart() {
  return {
    name: 'packages-apart',
    setup({ onResolve }) {
      onResolve({ filter: /^(yaml|ajv\/dist\/2020\.js|sucrase|cli-progress)$/ }, ({ path }) => ({
        path: `./packages/${APART[path]}.cjs`,
        external: true,
      }));
    },
  };
}

/** The licences of the packages that went into the bundle: their authors ask that copies carry them. */
function licensesOf(inputs) {
  const folders = new Set(inputs.map(packageFolder).filter(folder => folder !== undefined));
  const texts = [...folders].sort().map(folder => {
    const { name, version, license, author, homepage } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    );
    const file = readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry));
    if (file === undefined && !WITHOUT_LICENCE_FILE.has(name))
      throw new Error(`${folder} has no licence file`);
    if (file === undefined) return `${name} ${version} (${license}), by ${author}, ${homepage}\n`;
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

/** `node_modules/zstddec` of a file in it; undefined for a file of our own. */
function packageFolder(file) {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
}

// Compiles src/lane/assembly/ to WebAssembly, as src/lane/code.ts: a module that carries its bytes, so that it is there
// wherever the program is: in the bundle of the command, in the library, in tests.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Pages of 64 KiB: what the memory begins with, and the most that it can grow to. */
const MEMORY = ['--initialMemory', '64', '--maximumMemory', '65536'];

/** Compiles a file of AssemblyScript, named from the root of the project, and what it imports. */
export async function compile(entry) {
  const output = join(tmpdir(), `iommusan-lane-${process.pid}.wasm`);
  const { error, stderr } = await asc.main([
    entry,
    ...['-O3', '--noAssert', '--debug', '--runtime', 'stub', '--use', 'abort='],
    // Memory that is new holds zeroes: the module need not carry them.
    ...['--importMemory', '--zeroFilledMemory', '--sharedMemory', '--enable', 'threads', ...MEMORY],
    // The names of functions are told by where they stand in the project.
    ...['--baseDir', root, '-o', output],
  ]);
  if (error) {
    process.stderr.write(stderr.toString());
    throw error;
  }
  const code = readFileSync(output);
  rmSync(output);
  return code;
}

/** Writes src/lane/code.ts anew. */
export async function buildLane() {
  const code = await compile('src/lane/assembly/index.ts');
  writeFileSync(
    join(root, 'src/lane/code.ts'),
    `/** The compiled code of assembly/, made by scripts/build-lane.mjs. */\nexport function compiledCode(): Uint8Array {\n  return Buffer.from(\n    '${code.toString('base64')}',\n    'base64',\n  );\n}\n`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildLane();

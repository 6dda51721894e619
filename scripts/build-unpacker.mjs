// Bundles src/trace/unpack/worker.ts as src/trace/unpack/code.ts: the text of a program, which a thread can be started with
// wherever the library is: in the bundle of the command, in an application's own, in tests.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('../src/trace/unpack/', import.meta.url));

/** Writes src/trace/unpack/code.ts anew. */
export async function buildUnpacker() {
  const { outputFiles } = await build({
    entryPoints: [`${folder}worker.ts`],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    charset: 'ascii',
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
  });
  const [{ text }] = outputFiles;
  writeFileSync(
    `${folder}code.ts`,
    `/** The program of worker.ts, made by scripts/build-unpacker.mjs. */\nexport const WORKER =\n  ${JSON.stringify(text)};\n`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildUnpacker();

// Builds the page of the HTML report: web/report, bundled into the one file dist/web/report.html.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/** @returns the files that went into it, for their licences */
export async function buildPage() {
  const { outputFiles, metafile } = await build({
    entryPoints: ['web/report/main.tsx'],
    outdir: 'dist/web',
    bundle: true,
    minify: true,
    platform: 'browser',
    target: ['chrome109', 'firefox115', 'safari16.4'],
    format: 'iife',
    charset: 'utf8',
    legalComments: 'none', // They are in THIRD-PARTY-LICENSES.txt.
    write: false,
    metafile: true,
    logLevel: 'warning',
  });
  const textOf = ending => outputFiles.find(({ path }) => path.endsWith(ending)).text.trim();
  const [script, style] = [textOf('.js'), textOf('.css')];
  const values = {
    '@SCRIPT_HASH@': hashOf(script),
    '@STYLE_HASH@': hashOf(style),
    '@SCRIPT@': script,
    '@STYLE@': style,
  };
  const page = readFileSync('web/report/index.html', 'utf8').replace(/@[A-Z_]+@/g, name => values[name]);
  mkdirSync('dist/web', { recursive: true });
  writeFileSync('dist/web/report.html', page);
  return Object.keys(metafile.inputs);
}

/** What a content security policy allows: this text and no other. */
function hashOf(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

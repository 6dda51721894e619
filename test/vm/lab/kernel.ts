import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CACHE, Packages } from './apt.ts';
import { run } from './shell.ts';

/** A kernel to boot, with the module under test built for it. */
export interface Kernel {
  /** `uname -r` */
  readonly release: string;
  readonly image: string;
  /** `.../lib/modules/RELEASE` */
  readonly modules: string;
  /** The driver with right and wrong lifetimes, see `module/`. */
  readonly lifetime: string;
}

const MODULE = fileURLToPath(new URL('../module', import.meta.url));

/** Debian 12's stock kernel. Its headers and their tools run on Debian 12 and everything later. */
export function bookwormKernel(): Kernel {
  const packages = new Packages('bookworm', 'amd64');
  const image = one(packages.dependencies('linux-image-amd64'), /^linux-image-/);
  const release = image.replace('linux-image-', '');
  const folder = packages.unpack([image], join(CACHE, release, 'image'));
  const headers = packages.unpack(
    [`linux-headers-${release}`, ...packages.dependencies(`linux-headers-${release}`).filter(isBuildTree)],
    join(CACHE, release, 'headers'),
  );
  return {
    release,
    image: join(folder, 'boot', `vmlinuz-${release}`),
    modules: join(folder, 'lib', 'modules', release),
    lifetime: buildModule(release, headers),
  };
}

/** `linux-headers-VERSION-common` and `linux-kbuild-VERSION`: what the headers refer to. */
function isBuildTree(name: string): boolean {
  return /^linux-(headers|kbuild)-/.test(name);
}

/** Builds the module against unpacked headers, whose Makefile names their other part by the path of an installed one. */
function buildModule(release: string, headers: string): string {
  const build = join(CACHE, release, 'module');
  cpSync(MODULE, build, { recursive: true });
  const tree = join(headers, 'usr/src', `linux-headers-${release}`);
  const makefile = join(tree, 'Makefile');
  writeFileSync(
    makefile,
    readFileSync(makefile, 'utf8').replace(/^include \/usr/m, `include ${headers}/usr`),
  );
  run('make', ['-s', '-C', tree, `M=${build}`, 'modules']);
  return join(build, 'lifetime.ko');
}

function one(names: readonly string[], pattern: RegExp): string {
  const found = names.find(name => pattern.test(name));
  if (found === undefined) throw new Error(`none of ${names.join(', ')} is like ${pattern}`);
  return found;
}

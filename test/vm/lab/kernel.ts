import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CACHE, install, Packages } from './apt.ts';
import { run, runAsRoot } from './shell.ts';

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

/** Debian's names of architectures. */
export type Architecture = 'amd64' | 'arm64';

const MODULE = fileURLToPath(new URL('../module', import.meta.url));

/** The stock kernel of a suite of Debian. */
export function debianKernel(suite: string, architecture: Architecture = 'amd64'): Kernel {
  const packages = new Packages(suite, architecture);
  const image = one(packages.dependencies(`linux-image-${architecture}`), /^linux-image-/);
  const release = image.replace('linux-image-', '');
  // Newer packages are in parts.
  const parts = packages.dependencies(image).filter(name => /^linux-(binary|modules)-/.test(name));
  const folder = packages.unpack([image, ...parts], join(CACHE, release, 'image'));
  const modules =
    ['usr/lib/modules', 'lib/modules'].map(path => join(folder, path, release)).find(existsSync) ?? '';
  const lifetime =
    suite === 'bookworm' ? buildHere(packages, release, architecture) : buildInside(suite, release);
  return {
    release,
    image: [join(folder, 'boot', `vmlinuz-${release}`), join(modules, 'vmlinuz')].find(existsSync) ?? '',
    modules,
    lifetime,
  };
}

/** Builds the module against unpacked headers: the tools of Debian 12's run on every later system too. */
function buildHere(packages: Packages, release: string, architecture: Architecture): string {
  const headers = packages.unpack(
    [`linux-headers-${release}`, ...packages.dependencies(`linux-headers-${release}`).filter(isHeaders)],
    join(CACHE, release, 'headers'),
  );
  // The tools run on this machine, whatever they build for.
  const tools = new Packages('bookworm', 'amd64');
  const kbuild = one(packages.dependencies(`linux-headers-${release}`), /^linux-kbuild-/).replace(/:.*/, '');
  const toolFolder = tools.unpack([kbuild], join(CACHE, release, 'tools'));
  cpSync(join(toolFolder, 'usr/lib', kbuild), join(headers, 'usr/lib', kbuild), { recursive: true });

  const build = copyOfModule(join(CACHE, release, 'module'));
  const tree = join(headers, 'usr/src', `linux-headers-${release}`);
  // Its Makefile names the common part by the path of an installed one.
  const makefile = join(tree, 'Makefile');
  writeFileSync(
    makefile,
    readFileSync(makefile, 'utf8').replace(/^include \/usr/m, `include ${headers}/usr`),
  );
  if (architecture === 'arm64') install(['gcc-12-aarch64-linux-gnu']);
  const cross =
    architecture === 'arm64'
      ? ['ARCH=arm64', 'CROSS_COMPILE=aarch64-linux-gnu-', 'CC=aarch64-linux-gnu-gcc-12']
      : [];
  run('make', ['-s', '-C', tree, `M=${build}`, ...cross, 'modules']);
  return join(build, 'lifetime.ko');
}

function isHeaders(name: string): boolean {
  return name.startsWith('linux-headers-');
}

/** Builds the module inside a directory of that suite: the tools of its headers need its C library and compiler. */
function buildInside(suite: string, release: string): string {
  const root = join(CACHE, release, 'root');
  const done = join(CACHE, release, 'root.complete');
  if (!existsSync(done)) {
    install(['debootstrap']);
    rmSync(root, { recursive: true, force: true });
    runAsRoot('debootstrap', [
      '--variant=minbase',
      `--include=make,linux-headers-${release}`,
      suite,
      root,
      'http://deb.debian.org/debian',
    ]);
    writeFileSync(done, '');
  }
  copyOfModule(join(root, 'module'));
  // objtool asks /proc how large its stack may grow. The mount is gone with the process.
  const build = `make -s -C /usr/src/linux-headers-${release} M=/module modules`;
  runAsRoot('unshare', ['-m', 'sh', '-c', `mount -t proc proc ${root}/proc && exec chroot ${root} ${build}`]);
  return join(root, 'module', 'lifetime.ko');
}

function copyOfModule(build: string): string {
  rmSync(build, { recursive: true, force: true });
  mkdirSync(build, { recursive: true });
  for (const file of readdirSync(MODULE)) cpSync(join(MODULE, file), join(build, file));
  return build;
}

function one(names: readonly string[], pattern: RegExp): string {
  const found = names.find(name => pattern.test(name));
  if (found === undefined) throw new Error(`none of ${names.join(', ')} is like ${pattern}`);
  return found;
}

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { CpioWriter } from './cpio.ts';

/** What goes into the first root file system of a machine. */
export interface InitramfsContents {
  /** Folder of the kernel's modules, `.../lib/modules/VERSION`. */
  readonly modules: string;
  /** Names of the modules to load, in order; those that they depend on come by themselves. */
  readonly load: readonly string[];
  /** A module of our own to have at hand as `/modules/NAME`. */
  readonly own: readonly string[];
  /** The static busybox of the machine's architecture. */
  readonly busybox: string;
  /** Programs to have in `/bin`, with the libraries that they are linked with. */
  readonly programs: readonly string[];
  /** Files by their path in the machine. */
  readonly files: Readonly<Record<string, Buffer | string>>;
}

/** Writes the first root file system: busybox, modules in the order of their loading, programs and files. */
export function writeInitramfs(path: string, contents: InitramfsContents): void {
  const fd = openSync(`${path}.part`, 'w');
  const archive = new CpioWriter(fd);
  for (const folder of ['proc', 'sys', 'dev', 'tmp', 'host', 'root', 'etc']) archive.directory(folder);
  archive.file('bin/busybox', readFileSync(contents.busybox), 0o755);
  archive.link('bin/sh', 'busybox');
  const order = loadOrder(contents.modules, contents.load);
  for (const module of order) archive.file(`modules/${module.name}.ko`, module.read());
  archive.file('modules/order', `${order.map(({ name }) => name).join('\n')}\n`);
  for (const module of contents.own) archive.file(`modules/${fileName(module)}`, readFileSync(module));
  const libraries = new Set<string>();
  for (const program of contents.programs) {
    archive.file(`bin/${fileName(program)}`, readFileSync(program), 0o755);
    for (const library of librariesOf(program)) libraries.add(library);
  }
  for (const library of libraries) archive.file(library.slice(1), readFileSync(library), 0o755);
  for (const [name, data] of Object.entries(contents.files))
    archive.file(name.replace(/^\//, ''), data, 0o755);
  archive.end();
  closeSync(fd);
  renameSync(`${path}.part`, path);
}

interface Module {
  readonly name: string;
  readonly path: string;
  read(): Buffer;
}

/** The modules and what they depend on, each after what it needs. A module that is built into the kernel is left out. */
function loadOrder(folder: string, names: readonly string[]): Module[] {
  const files = new Map<string, string>();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const name = /([^/]+)\.ko(\.xz)?$/.exec(path)?.[1];
    if (name !== undefined) files.set(moduleName(name), join(folder, path));
  }
  const order = new Map<string, Module>();
  const add = (name: string): void => {
    const path = files.get(name);
    if (path === undefined || order.has(name)) return;
    const data = path.endsWith('.xz')
      ? execFileSync('xz', ['-dc', path], { maxBuffer: 1 << 28 })
      : readFileSync(path);
    for (const needed of dependencies(data)) add(moduleName(needed));
    order.set(name, { name, path, read: () => data });
  };
  for (const name of names) add(moduleName(name));
  return [...order.values()];
}

/** The kernel takes `-` and `_` in the name of a module for the same. */
function moduleName(name: string): string {
  return name.replaceAll('-', '_');
}

/** `depends=a,b` of a module's `.modinfo` section. */
function dependencies(module: Buffer): string[] {
  const at = module.indexOf('\0depends=');
  if (at < 0) return [];
  const start = at + '\0depends='.length;
  return module
    .toString('latin1', start, module.indexOf(0, start))
    .split(',')
    .filter(name => name !== '');
}

/** The libraries that a program is linked with, as ldd(1) finds them. */
function librariesOf(program: string): string[] {
  let text = '';
  try {
    text = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // Of another architecture: its libraries are given as files.
  }
  return Array.from(text.matchAll(/(\/\S+) \(0x/g), ([, path = '']) => path);
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

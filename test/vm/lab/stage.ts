import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkTrace } from '../../../src/check-trace.ts';
import type { CheckReport } from '../../../src/findings/check-report.ts';
import { CACHE, install } from './apt.ts';
import { writeInitramfs } from './initramfs.ts';
import type { Kernel } from './kernel.ts';
import { boot } from './machine.ts';
import { run } from './shell.ts';

const GUEST = fileURLToPath(new URL('../guest', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What a stage needs on the host. */
const PACKAGES = [
  'qemu-system-x86',
  'busybox-static',
  'trace-cmd',
  'make',
  'gcc',
  'libc6-dev',
  'libelf1',
  'xz-utils',
];

/** Modules of the devices that the machines have. */
const DRIVERS = ['virtio_pci', '9pnet_virtio', '9p', 'e1000e', 'nvme', 'virtio_blk', 'af_packet'];

/** What a job has left. */
export class Stage {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  has(name: string): boolean {
    return existsSync(join(this.folder, name));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  text(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  /** Output and exit status of a step, and what tracefs was before and after it. */
  step(name: string): { readonly output: string; readonly status: number; before: string; after: string } {
    return {
      output: this.text(`${name}.out`),
      status: Number(this.text(`${name}.status`)),
      before: this.text(`${name}.before`),
      after: this.text(`${name}.after`),
    };
  }

  check(name: string): Promise<CheckReport> {
    return checkTrace(join(this.folder, name));
  }
}

/** Installs what the machines need that is missing here, and builds iommusan as a user has it. */
export function prepare(): void {
  install(PACKAGES);
  run('npm', ['run', '--silent', 'build'], { cwd: ROOT });
}

/** Boots a kernel and lets it do the job `guest/JOB.sh`. */
export async function play(kernel: Kernel, job: string, limitMs: number): Promise<Stage> {
  const folder = join(CACHE, kernel.release, job);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(GUEST, 'functions.sh'), join(folder, 'functions.sh'));
  const initramfs = join(CACHE, kernel.release, 'initramfs');
  writeInitramfs(initramfs, {
    modules: kernel.modules,
    load: DRIVERS,
    own: [kernel.lifetime],
    busybox: '/bin/busybox',
    programs: [process.execPath, '/usr/bin/trace-cmd'],
    files: { init: readFileSync(join(GUEST, 'init')), ...iommusanFiles() },
  });
  await boot({
    image: kernel.image,
    initramfs,
    folder,
    job: readFileSync(join(GUEST, `${job}.sh`), 'utf8'),
    limitMs,
  });
  return new Stage(folder);
}

/** The built command, as the package has it. */
function iommusanFiles(): Record<string, Buffer> {
  const bin = join(ROOT, 'dist/bin');
  const files = readdirSync(bin, { recursive: true, encoding: 'utf8' }).filter(name =>
    statSync(join(bin, name)).isFile(),
  );
  return Object.fromEntries(files.map(name => [`iommusan/bin/${name}`, readFileSync(join(bin, name))]));
}

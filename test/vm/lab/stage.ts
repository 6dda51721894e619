import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkTrace } from '../../../src/check-trace.ts';
import type { CheckReport } from '../../../src/findings/check-report.ts';
import { CACHE, install } from './apt.ts';
import { writeInitramfs } from './initramfs.ts';
import { boot, KernelTrouble } from './machine.ts';
import type { Setup } from './setups.ts';
import { run } from './shell.ts';
import { userland } from './userland.ts';

const GUEST = fileURLToPath(new URL('../guest', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What every stage needs on the host. */
const PACKAGES = ['busybox-static', 'trace-cmd', 'make', 'gcc', 'libc6-dev', 'libelf1', 'xz-utils'];
const EMULATOR = { amd64: 'qemu-system-x86', arm64: 'qemu-system-arm' } as const;

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

/** How often a machine is booted whose kernel comes to grief. */
const BOOTS = 3;

/** Boots a kernel and lets it do the job `guest/JOB.sh`, with more on its command line. */
export async function play(setup: Setup, job: string, limitMs: number, append = ''): Promise<Stage> {
  install([EMULATOR[setup.architecture]]);
  const kernel = setup.kernel();
  const base = join(CACHE, kernel.release);
  const folder = join(base, `${setup.qemu.at(-1)}-${job}`);
  // Not shared with the machine of another job, which may boot meanwhile.
  const initramfs = `${folder}.initramfs`;
  const { busybox, programs, libraries } = userland(setup.architecture);
  writeInitramfs(initramfs, {
    modules: kernel.modules,
    load: DRIVERS,
    own: [kernel.lifetime],
    busybox,
    programs,
    files: { init: readFileSync(join(GUEST, 'init')), ...libraries, ...iommusanFiles() },
  });
  for (let boots = 1; ; boots++) {
    layOut(folder, job);
    try {
      await boot({
        qemu: setup.qemu,
        image: kernel.image,
        initramfs,
        append: `${setup.append} ${append}`,
        folder,
        limitMs,
      });
      return new Stage(folder);
    } catch (error) {
      if (!(error instanceof KernelTrouble) || boots === BOOTS) throw error;
      process.stderr.write(
        `${setup.name}, ${job}: the kernel has come to grief, and boots again: ${error.message}\n`,
      );
    }
  }
}

/** An empty folder with the scripts of the machine. */
function layOut(folder: string, job: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const script of readdirSync(GUEST)) cpSync(join(GUEST, script), join(folder, script));
  cpSync(join(GUEST, `${job}.sh`), join(folder, 'job.sh'));
}

/** The built command, as the package has it. */
function iommusanFiles(): Record<string, Buffer> {
  const bin = join(ROOT, 'dist/bin');
  const files = readdirSync(bin, { recursive: true, encoding: 'utf8' }).filter(name =>
    statSync(join(bin, name)).isFile(),
  );
  return Object.fromEntries(files.map(name => [`iommusan/bin/${name}`, readFileSync(join(bin, name))]));
}

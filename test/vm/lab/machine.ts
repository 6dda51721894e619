import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start } from './shell.ts';

/** A machine to boot once. */
export interface MachineOptions {
  /** QEMU's program, machine and IOMMU. */
  readonly qemu: readonly string[];
  readonly image: string;
  readonly initramfs: string;
  /** The kernel command line. */
  readonly append: string;
  /** Folder that the machine has at /host: its job, and what it leaves. */
  readonly folder: string;
  readonly limitMs: number;
}

/** Bytes of each of the two disks. */
const DISK_BYTES = 64 << 20;

/** The kernel of a machine has come to grief: nothing that it did can be judged. */
export class KernelTrouble extends Error {}

/** What a kernel prints then: kernel/watchdog.c, kernel/hung_task.c, kernel/rcu/tree_stall.h, die() of an architecture. */
const TROUBLE =
  /^[^\n]*(?:BUG: soft lockup|blocked for more than \d+ seconds|rcu: INFO: .* stall|Oops|BUG: unable to handle|kernel BUG at|: [\da-f]+ \[#\d+\]|Kernel panic)[^\n]*\n/m;

/** @throws {@link KernelTrouble} with the first line on a console that tells of it */
export function assertNoTrouble(console: string): void {
  const line = TROUBLE.exec(console)?.[0];
  if (line !== undefined) throw new KernelTrouble(line.trim());
}

/**
 * Boots a machine and waits until its job is done; what stood on its console is `console` in its folder. It has two
 * processors, an NVMe disk, a virtio disk behind the IOMMU, an e1000e network card and the `edu` device. Everything is
 * emulated: it needs no KVM.
 *
 * Both processors take turns in one thread of QEMU. With a thread for each, one may go on executing code that the other
 * has just overwritten: QEMU 7.2 forgets what it has translated before the new bytes are written, not after. Switching a
 * tracepoint or a kprobe on is such a write; the kernel then executes an int3 that is no longer there, for ever.
 *
 * @throws {@link KernelTrouble} as soon as the kernel says that it has locked up or oopsed
 */
export async function boot({
  qemu,
  image,
  initramfs,
  append,
  folder,
  limitMs,
}: MachineOptions): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const disks = ['nvme', 'virtio'].map(name => {
    const path = `${folder}.${name}`;
    const fd = openSync(path, 'w');
    ftruncateSync(fd, DISK_BYTES);
    closeSync(fd);
    return ['-drive', `file=${path},if=none,id=${name},format=raw`];
  });
  await start(
    'nice',
    [
      ...qemu,
      ...['-accel', 'tcg,thread=single', '-smp', '2', '-m', '2G', '-nographic', '-no-reboot'],
      ...['-kernel', image, '-initrd', initramfs],
      ...disks.flat(),
      ...['-device', 'nvme,drive=nvme,serial=1'],
      ...['-device', 'virtio-blk-pci,drive=virtio,disable-legacy=on,iommu_platform=on'],
      // What is sent to this address comes back.
      ...['-netdev', 'user,id=net,guestfwd=tcp:10.0.2.100:9-cmd:cat'],
      ...['-device', 'e1000e,netdev=net,romfile='],
      ...['-device', 'edu'],
      ...['-virtfs', `local,path=${folder},mount_tag=host,security_model=none`],
      ...['-append', `${append} quiet panic=-1 iommu.passthrough=0`],
    ],
    {
      limitMs,
      output(console) {
        writeFileSync(join(folder, 'console'), console);
        assertNoTrouble(console);
      },
    },
  );
}

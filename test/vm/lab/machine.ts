import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start } from './shell.ts';

/** A machine to boot once. */
export interface MachineOptions {
  readonly image: string;
  readonly initramfs: string;
  /** Folder that the machine has at /host: its job, and what it leaves. */
  readonly folder: string;
  /** The shell script that it runs, after that it powers off. */
  readonly job: string;
  /** QEMU's program and what is particular to the architecture. */
  readonly qemu?: readonly string[];
  /** The kernel command line for it. */
  readonly append?: string;
  readonly limitMs: number;
}

/** q35 with VT-d. Translation is emulated whatever processor the host has, and no KVM is needed. */
export const VTD: readonly string[] = [
  'qemu-system-x86_64',
  ...['-M', 'q35', '-cpu', 'max', '-device', 'intel-iommu'],
];

/** Bytes of each of the two disks. */
const DISK_BYTES = 64 << 20;

/**
 * Boots a machine, waits until its job is done, and returns what stood on its console. It has two processors, an NVMe
 * disk, a virtio disk behind the IOMMU, an e1000e network card and the `edu` device.
 */
export async function boot(options: MachineOptions): Promise<string> {
  const { folder, qemu = VTD, append = 'console=ttyS0 intel_iommu=on' } = options;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'job.sh'), options.job);
  const disks = ['nvme', 'virtio'].map(name => {
    const path = `${folder}.${name}`;
    const fd = openSync(path, 'w');
    ftruncateSync(fd, DISK_BYTES);
    closeSync(fd);
    return ['-drive', `file=${path},if=none,id=${name},format=raw`];
  });
  const [program = '', ...machine] = qemu;
  const console = await start(
    'nice',
    [
      program,
      ...machine,
      ...['-accel', 'tcg,thread=multi', '-smp', '2', '-m', '1G', '-nographic', '-no-reboot'],
      ...['-kernel', options.image, '-initrd', options.initramfs],
      ...disks.flat(),
      ...['-device', 'nvme,drive=nvme,serial=1'],
      ...['-device', 'virtio-blk-pci,drive=virtio,disable-legacy=on,iommu_platform=on'],
      ...['-netdev', 'user,id=net,guestfwd=tcp:10.0.2.100:9-cmd:cat', '-device', 'e1000e,netdev=net'],
      ...['-device', 'edu'],
      ...['-virtfs', `local,path=${folder},mount_tag=host,security_model=none`],
      ...['-append', `${append} quiet panic=-1 iommu.passthrough=0`],
    ],
    options.limitMs,
  );
  writeFileSync(join(folder, 'console'), console);
  return console;
}

import { readdirSync, readFileSync } from 'node:fs';
import { hostname, machine, release } from 'node:os';
import type { SystemFacts } from './kernel-offer.ts';
import { readOr } from './tracefs.ts';

/** `uname -snrm`, as trace-cmd has it in its files. */
export function uname(): string {
  return `Linux ${hostname()} ${release()} ${machine()}`;
}

export function systemFacts(): SystemFacts {
  return { architecture: machine(), iommus: list('/sys/class/iommu') };
}

/** `AT_PAGESZ` of getauxval(3). */
const AUXV_PAGE_SIZE = 6n;

/** The kernel's page size in bytes. */
export function pageSize(): number {
  const auxv = readFileSync('/proc/self/auxv');
  for (let at = 0; at + 16 <= auxv.length; at += 16) {
    if (auxv.readBigUInt64LE(at) === AUXV_PAGE_SIZE) return Number(auxv.readBigUInt64LE(at + 8));
  }
  return 4096;
}

/** Memory that can be had without swapping, in KiB. */
export function availableKib(): number {
  return Number(/^MemAvailable:\s+(\d+) kB/m.exec(readOr('/proc/meminfo', ''))?.[1] ?? 0);
}

/** Why no mapping may be seen on this machine; `undefined` where devices are translated. */
export function translationProblem(): string | undefined {
  const groups = '/sys/kernel/iommu_groups';
  const types = list(groups).map(group => readOr(`${groups}/${group}/type`, '').trim());
  if (types.length === 0) {
    return 'No IOMMU is in use on this machine: it has none, or the firmware or the kernel command line (intel_iommu=on) has it off. There will be no mappings to see.';
  }
  if (types.every(type => type === 'identity')) {
    return 'All devices pass the IOMMU by (iommu=pt or iommu.passthrough=1 on the kernel command line): there will be few mappings to see.';
  }
  return undefined;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

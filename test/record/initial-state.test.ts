import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StatePlaces, tellInitialState } from '../../src/record/initial-state.ts';
import { vtdTable } from '../helpers/vtd-table.ts';

let root: string;
let places: StatePlaces;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'iommusan-state-'));
  places = { vtd: join(root, 'debug/iommu/intel'), groups: join(root, 'groups') };
});

afterEach(() => rmSync(root, { recursive: true }));

function file(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function group(name: string, type: string, ...devices: string[]): void {
  file(`groups/${name}/type`, `${type}\n`);
  for (const device of devices) mkdirSync(join(root, 'groups', name, 'devices', device), { recursive: true });
}

function told(...devices: string[]): { texts: string[]; reason: string | undefined } {
  const texts: string[] = [];
  const reason = tellInitialState(text => texts.push(text), devices, places);
  return { texts, reason };
}

const NIC = vtdTable('0000:00:04.0', 0x10_0000, [
  { page: 0xffffe, frame: 0x5000 },
  { page: 0xfffff, frame: 0x5001 },
]);
const DISK = vtdTable('0000:00:05.0', 0x20_0000, [{ page: 0xfffff, frame: 0x6000 }]);

describe('the state at the beginning', () => {
  it('is read from the one file of Linux 6.1, between two marks', () => {
    group('1', 'DMA-FQ', '0000:00:04.0');
    group('2', 'DMA-FQ', '0000:00:05.0', '0000:00:05.1');
    file('debug/iommu/intel/domain_translation_struct', NIC + DISK);
    expect(told()).toEqual({
      texts: [
        'iommusan: state begin 1',
        'iommusan: found 0000:00:04.0 100000 ffffe+2=5000',
        // Two devices translate through it.
        'iommusan: found - 200000 fffff+1=6000',
        'iommusan: state end',
      ],
      reason: undefined,
    });
    expect(told('0000:00:04.0').texts).toHaveLength(3);
  });

  it('is read from the files of the devices since Linux 6.7, but not of one that passes the IOMMU by', () => {
    group('1', 'DMA', '0000:00:04.0');
    group('2', 'identity', '0000:00:05.0');
    file('debug/iommu/intel/0000:00:04.0/domain_translation_struct', NIC);
    file('debug/iommu/intel/0000:00:05.0/domain_translation_struct', DISK);
    file('debug/iommu/intel/iommu_regset', '');
    expect(told().texts).toEqual([
      'iommusan: state begin 1',
      'iommusan: found 0000:00:04.0 100000 ffffe+2=5000',
      'iommusan: state end',
    ]);
    expect(told('0000:00:05.0').reason).toContain('CONFIG_INTEL_IOMMU_DEBUGFS');
  });

  it('takes as many marks as it needs, each of which the kernel takes whole', () => {
    file(
      'debug/iommu/intel/domain_translation_struct',
      vtdTable(
        '0000:00:04.0',
        0x10_0000,
        Array.from({ length: 5000 }, (_, i) => ({ page: 2 * i, frame: 0x10_0000 + i })),
      ),
    );
    const { texts } = told();
    // TRACE_BUF_SIZE of kernel/trace/trace.c, and the line feed.
    expect(Math.max(...texts.map(text => text.length))).toBeLessThan(1023);
    expect(texts.flatMap(text => text.match(/\+1=/g) ?? [])).toHaveLength(5000);
    expect(texts.length).toBeLessThan(150);
  });

  it('says where there is nothing to read, and what it could not read', () => {
    expect(told()).toEqual({ texts: [], reason: expect.stringContaining('does not show the page tables') });
    file('debug/iommu/intel/domain_translation_struct', `${NIC}a new line\n`);
    expect(told().reason).toContain('1 lines of an unknown form');
  });
});

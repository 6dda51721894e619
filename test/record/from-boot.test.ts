import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bootParameters, collectFromBoot } from '../../src/record/from-boot.ts';
import { readKernelOffer } from '../../src/record/kernel-offer.ts';
import { FakeTracefs, LINUX_6_1, LINUX_7_2 } from '../helpers/fake-tracefs.ts';

describe('the kernel command line that records from boot on', () => {
  it.each([LINUX_6_1, LINUX_7_2])('fits beside what else is there, and has kprobes only', kernel => {
    const offer = readKernelOffer(new FakeTracefs(kernel), { architecture: 'x86_64', iommus: [] });
    const parameters = bootParameters(offer, {});
    expect(parameters.join(' ').length).toBeLessThan(1400);
    const probes = /kprobe_event="([^"]*)"/.exec(parameters.join(' '))?.[1]?.split(';') ?? [];
    expect(probes.length).toBeGreaterThan(5);
    for (const probe of probes) expect(probe).toMatch(/^[pr]:iommusan_boot\/\w+,\w+,\S+$/);
  });

  it('is without stacks where they are not wanted', () => {
    const offer = readKernelOffer(new FakeTracefs(LINUX_7_2), { architecture: 'x86_64', iommus: [] });
    expect(bootParameters(offer, { stacks: false }).join(' ')).not.toContain('trace_trigger');
    expect(bootParameters(offer, { bufferKib: 4096 })).toContain('trace_buf_size=4096K');
  });
});

describe('collecting what a boot has recorded', () => {
  const folder = mkdtempSync(join(tmpdir(), 'iommusan-boot-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function booted(forgets: readonly string[]): FakeTracefs {
    const tracefs = new FakeTracefs({ ...LINUX_6_1, forgets });
    for (const [probe, place] of [
      ['map', '__iommu_map'],
      ['unmap', '__iommu_unmap'],
    ]) {
      tracefs.write('dynamic_events', `p:iommusan_boot/${probe} ${place} domain=$arg1`);
      tracefs.write('set_event', `iommusan_boot:${probe}`);
    }
    tracefs.write('set_event', 'iommu:map');
    return tracefs;
  }

  it.each([[[]], [['iommusan_boot/map']]])(
    'ends it; a probe without files (%s) is told of',
    async forgets => {
      const tracefs = booted(forgets);
      const { unreadable } = await collectFromBoot(tracefs, join(folder, 'boot.dat'));
      expect(unreadable).toEqual(forgets.map(name => name.replace('/', ':')));
      expect(tracefs.read('set_event')).toBe('');
      expect(tracefs.read('dynamic_events')).toBe('');
      expect(tracefs.read('tracing_on')).toBe('1');
      await expect(collectFromBoot(tracefs, join(folder, 'again.dat'))).rejects.toThrow(
        'this boot has not recorded',
      );
    },
  );
});

import { describe, expect, it } from 'vitest';
import { bootParameters } from '../../src/record/from-boot.ts';
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

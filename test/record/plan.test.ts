import { describe, expect, it } from 'vitest';
import { FACTS } from '../../src/record/facts.ts';
import { readKernelOffer, traceableFunctions } from '../../src/record/kernel-offer.ts';
import { eventsOf, type Plan, planRecording } from '../../src/record/plan.ts';
import { type FakeKernel, FakeTracefs, LINUX_6_1, LINUX_7_2 } from '../helpers/fake-tracefs.ts';

const INTEL = { architecture: 'x86_64', iommus: ['dmar0'] };

function plan(
  kernel: FakeKernel,
  options: Partial<Parameters<typeof planRecording>[1]> = {},
  system = INTEL,
): Plan {
  const offer = readKernelOffer(new FakeTracefs(kernel), system);
  return planRecording(offer, { preset: 'default', group: 'iommusan_7', ...options });
}

function definitions(planned: Plan): string[] {
  return eventsOf(planned).flatMap(({ definition }) => definition ?? []);
}

function names(planned: Plan): string[] {
  return eventsOf(planned).map(({ system, event }) => `${system}:${event}`);
}

describe('a plan', () => {
  it('takes kprobes on __iommu_map on Linux 6.1, which has neither fprobes nor dma events', () => {
    const planned = plan(LINUX_6_1);
    expect(definitions(planned)).toContain(
      'p:iommusan_7/map __iommu_map domain=$arg1 iova=$arg2 paddr=$arg3 size=$arg4 prot=$arg5:x32',
    );
    expect(definitions(planned)).toContain(
      'p:iommusan_7/dma_map iommu_dma_map_page dev=+0(+0($arg1)):string',
    );
    expect(definitions(planned)).toContain('r:iommusan_7/domain_alloc iommu_domain_alloc domain=$retval');
    expect(planned.missing.map(({ id }) => id)).toEqual(['unbind-end', 'dma-api', 'page-pool-create', 'sva']);
  });

  it('takes fprobes on iommu_map_nosync on Linux 7.2, and the events of the DMA API', () => {
    const planned = plan(LINUX_7_2);
    expect(definitions(planned)).toContain(
      'f:iommusan_7/map iommu_map_nosync domain=$arg1 iova=$arg2 paddr=$arg3 size=$arg4 prot=$arg5:x32',
    );
    expect(definitions(planned)).toContain(
      'f:iommusan_7/domain_alloc iommu_paging_domain_alloc_flags%return dev=+0(+0($arg1)):string domain=$retval',
    );
    expect(names(planned)).toContain('dma:dma_map_phys');
    expect(names(planned)).not.toContain('iommusan_7:dma_map');
    expect(planned.missing).toEqual([]);
  });

  it('does not probe a function that the compiler has inlined or rebuilt', () => {
    const functions = (LINUX_7_2.functions ?? []).filter(name => name !== '__iommu_unmap');
    const planned = plan({ ...LINUX_7_2, functions: [...functions, '__iommu_unmap.isra.0'] });
    expect(names(planned)).toContain('iommusan_7:unmap_fast');
    expect(definitions(planned).filter(line => line.includes('__iommu_unmap'))).toEqual([]);
  });

  it('records stacks of maps, unmaps and frees by default, of everything in full, of nothing in minimal', () => {
    const withStacks = (planned: Plan): string[] =>
      eventsOf(planned).flatMap(({ event, withStack }) => (withStack ? [event] : []));
    expect(withStacks(plan(LINUX_6_1))).toEqual(['map', 'unmap', 'mm_page_free']);
    expect(withStacks(plan(LINUX_6_1, { preset: 'minimal' }))).toEqual([]);
    expect(withStacks(plan(LINUX_6_1, { preset: 'minimal', stacks: true }))).toContain('mm_page_alloc');
    expect(withStacks(plan(LINUX_7_2, { preset: 'full' }))).toContain('dma_map_phys');
    expect(withStacks(plan(LINUX_7_2, { stacks: false }))).toEqual([]);
  });

  it('leaves io_page_fault alone where an SMMUv2 may report a fault without a device', () => {
    const arm = { architecture: 'aarch64', iommus: ['smmu.0x0000000005000000'] };
    expect(names(plan(LINUX_7_2))).toContain('iommu:io_page_fault');
    expect(names(plan(LINUX_7_2, {}, arm))).not.toContain('iommu:io_page_fault');
    expect(names(plan(LINUX_7_2, {}, { ...arm, iommus: ['smmu3.0x0000000009050000'] }))).toContain(
      'iommu:io_page_fault',
    );
  });

  it('each preset has all of the one before', () => {
    for (const kernel of [LINUX_6_1, LINUX_7_2]) {
      const [minimal, normal, full] = (['minimal', 'default', 'full'] as const).map(preset =>
        plan(kernel, { preset }).facts.map(({ fact }) => fact.id),
      );
      // The DMA API tells the device of a mapping, which minimal has a probe of its own for.
      expect(normal).toEqual(expect.arrayContaining((minimal ?? []).filter(id => id !== 'mapping-device')));
      expect(full).toEqual(expect.arrayContaining(normal ?? []));
    }
  });
});

describe('the table of facts', () => {
  it('names each event of the group once in every way of every kernel', () => {
    for (const fact of FACTS) {
      const ways = fact.takeAll
        ? [fact.ways.flatMap(({ sources }) => sources)]
        : fact.ways.map(w => w.sources);
      for (const sources of ways) {
        const probes = sources.flatMap(source =>
          source.kind === 'tracepoint' ? [] : `${source.event} ${source.function}`,
        );
        expect(new Set(probes).size).toBe(probes.length);
      }
    }
  });
});

describe('available_filter_functions', () => {
  it('counts whole names of the kernel itself', () => {
    const list = 'bus_notify\nbus_notify [drm]\niommu_map.cold\nreally_probe\nreally_probe\n';
    const wanted = new Set(['bus_notify', 'iommu_map', 'really_probe']);
    expect(Object.fromEntries(traceableFunctions(list, wanted))).toEqual({ bus_notify: 1, really_probe: 2 });
  });
});

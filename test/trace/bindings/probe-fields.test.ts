import { describe, expect, it } from 'vitest';
import { callEvidence } from '../../../src/trace/bindings/bind.ts';
import {
  findProbeFields,
  isProbe,
  isReturnProbe,
  type Meaning,
  probeArguments,
} from '../../../src/trace/bindings/probe-fields.ts';
import type { FieldSpec } from '../../helpers/event-type.ts';
import {
  entryProbe,
  IOMMU_MAP,
  IOMMU_UNMAP,
  MAP_ENTRY,
  MAP_RETURN,
  PAGE_FREE,
  returnProbe,
} from '../../helpers/kernel-events.ts';

const MAP: readonly Meaning[] = ['domain', 'iova', 'phys', 'size', 'prot'];
const ATTACH: readonly Meaning[] = ['domain', 'device'];

/** Which field of an entry probe has which meaning. */
function meanings(
  names: readonly string[],
  order: readonly Meaning[],
  needed: readonly Meaning[] = [],
): unknown {
  const fields = names.map((name): FieldSpec => [`u64 ${name}`, 8]);
  const found = findProbeFields(entryProbe('probe', 600, fields).format, order, needed);
  return found && Object.fromEntries(Object.entries(found).map(([meaning, field]) => [meaning, field?.name]));
}

describe('a probe event', () => {
  it('is known by the fields that every probe has', () => {
    expect([MAP_ENTRY, MAP_RETURN, IOMMU_MAP].map(({ format }) => isProbe(format))).toEqual([
      true,
      true,
      false,
    ]);
    expect([MAP_ENTRY, MAP_RETURN, IOMMU_MAP].map(({ format }) => isReturnProbe(format))).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('has arguments beside them', () => {
    expect(probeArguments(MAP_ENTRY.format).map(({ name }) => name)).toEqual([
      'domain',
      'iova',
      'paddr',
      'size',
      'prot',
    ]);
    expect(probeArguments(MAP_RETURN.format).map(({ name }) => name)).toEqual(['ret']);
  });
});

describe('the meaning of a field', () => {
  it.each([
    [['domain', 'iova', 'paddr', 'size', 'prot']],
    [['dom', 'iova', 'pa', 'sz', 'prot']],
    [['iommu_domain', 'addr', 'phys', 'len', 'iommu_prot']],
    [['domain_ptr', 'va', 'phys_addr', 'length', 'flags']],
  ])('follows from its name: %j', names => {
    expect(meanings(names, MAP)).toEqual({
      domain: names[0],
      iova: names[1],
      phys: names[2],
      size: names[3],
      prot: names[4],
    });
  });

  it('follows from its name in any order', () => {
    expect(meanings(['sz', 'dom', 'pa', 'iova'], MAP)).toEqual({
      domain: 'dom',
      iova: 'iova',
      phys: 'pa',
      size: 'sz',
    });
  });

  it('follows from its place where the probe left it unnamed', () => {
    expect(meanings(['arg1', 'arg2', 'arg3', 'arg4', 'arg5'], MAP)).toEqual({
      domain: 'arg1',
      iova: 'arg2',
      phys: 'arg3',
      size: 'arg4',
      prot: 'arg5',
    });
    expect(meanings(['arg1', 'arg2'], ATTACH)).toEqual({ domain: 'arg1', device: 'arg2' });
  });

  it('follows from its place beside others that have names', () => {
    expect(meanings(['dom', 'arg2', 'pa', 'arg4'], MAP)).toEqual({
      domain: 'dom',
      iova: 'arg2',
      phys: 'pa',
      size: 'arg4',
    });
  });

  it('by name is believed more than by place', () => {
    expect(meanings(['arg1', 'domain'], MAP)).toEqual({ domain: 'domain' });
  });

  it('is none for names that say nothing, and for places that the function does not have', () => {
    expect(meanings(['foo', 'arg9', 'arg0', 'argument1'], MAP)).toEqual({});
  });

  it('must be found for what a binding needs', () => {
    expect(meanings(['domain', 'iova'], MAP, ['domain', 'size'])).toBeUndefined();
    expect(meanings(['domain', 'size'], MAP, ['domain', 'size'])).toEqual({ domain: 'domain', size: 'size' });
  });
});

describe('what the formats of a trace say about the end of a call', () => {
  const evidence = (...types: { readonly format: Parameters<typeof isProbe>[0] }[]) =>
    callEvidence(types.map(({ format }) => format));
  const nothing = {
    mapOutcome: false,
    unmapOutcome: false,
    mapReturnNamesDomain: false,
    unmapReturnNamesDomain: false,
  };
  const mapArguments: readonly FieldSpec[] = [
    ['u64 dom', 8],
    ['u64 iova', 8],
    ['u64 pa', 8],
    ['u64 size', 8],
    ['s32 ret', 4, 'signed'],
  ];

  it('is nothing where only the entries are probed', () => {
    expect(evidence(MAP_ENTRY, PAGE_FREE)).toEqual(nothing);
  });

  it('is in the tracepoints', () => {
    expect(evidence(IOMMU_MAP)).toEqual({ ...nothing, mapOutcome: true });
    expect(evidence(IOMMU_UNMAP)).toEqual({ ...nothing, unmapOutcome: true });
  });

  it('is not in the result of a return probe: of which function it is, only its first record tells', () => {
    expect(evidence(MAP_RETURN)).toEqual(nothing);
  });

  it('comes with the domain where a return probe has the arguments', () => {
    expect(evidence(returnProbe('map_out', 600, mapArguments))).toMatchObject({
      mapReturnNamesDomain: true,
      unmapReturnNamesDomain: false,
    });
    const unmapArguments: FieldSpec[] = [
      ['u64 dom', 8],
      ['u64 iova', 8],
      ['u64 size', 8],
      ['u64 done', 8],
    ];
    expect(evidence(returnProbe('um_out', 600, unmapArguments))).toMatchObject({
      mapReturnNamesDomain: false,
      unmapReturnNamesDomain: true,
    });
  });

  it('is not in the return probe of an allocation, which has a domain but no IOVA', () => {
    expect(evidence(returnProbe('domnew', 600, [['u64 domain', 8]]))).toEqual(nothing);
  });
});

import { describe, expect, it } from 'vitest';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const GPU = '0000:00:05.0';
const T = 0x4567;

/** A kernel that also shows entries being cleared, with a device that walks the page tables of process 1. */
function shared(): KernelScript {
  return unshared().svaBind(GPU, 1);
}

function unshared(): KernelScript {
  return new KernelScript({ capabilities: { hasTableUnlinks: true } }).as('kworker');
}

/** What `kernel_pgtable_work_func()` does with one page: it invalidates, then frees. */
function worker(k: KernelScript, ...pfns: number[]): KernelScript {
  k.as('kworker').svaInvalidateBegin().svaInvalidateEnd();
  for (const pfn of pfns) k.free(pfn);
  return k;
}

describe('a kernel page table under shared virtual addressing', () => {
  it('K1: is no matter of the IOMMU without it', () => {
    expect(unshared().tableUnlink(T).tableFree(T).free(T).alloc(T).rules()).toEqual([]);
  });

  it('K2: must not be freed at once', () => {
    const k = shared().withStack(['vmap_try_huge_pmd']).tableUnlink(T);
    const finding = k.withStack(['pagetable_free']).free(T).alloc(T).sole('stale-kernel-page-table');
    expect(finding).toMatchObject({
      severity: 'error',
      certainty: 'certain',
      title: 'kernel page-table page 0x4567 freed while an IOMMU may have it cached',
      count: 1,
    });
    expect(roles(finding)).toEqual(['unlinked', 'freed']);
  });

  it('K3: may be freed behind an invalidation that began after it was given up', () => {
    expect(worker(shared().tableUnlink(T).tableFree(T), T).alloc(T).rules()).toEqual([]);
  });

  it('K4: is not saved by an invalidation that began before', () => {
    const k = shared().as('kworker').svaInvalidateBegin();
    k.as('vmalloc').tableUnlink(T).tableFree(T);
    const finding = k.as('kworker').svaInvalidateEnd().free(T).sole('stale-kernel-page-table');
    expect(roles(finding)).toEqual(['unlinked', 'given up', 'freed']);
  });

  it('K5: waits for the next run, if it came too late for this one', () => {
    const k = worker(shared().tableUnlink(1).tableFree(1).tableUnlink(T).tableFree(T), 1);
    expect(worker(k, T).rules()).toEqual([]);
  });

  it('K7: is given up before its entry is cleared, and cached anew meanwhile', () => {
    const finding = worker(shared().tableFree(T), T).tableUnlink(T).sole('kernel-page-table-unlink-order');
    expect(finding).toMatchObject({
      severity: 'error',
      title: 'kernel page-table page 0x4567 given up before its entry was cleared',
    });
    expect(roles(finding)).toEqual(['given up', 'freed']);
    const inTime = shared().tableFree(T).tableUnlink(T).sole('kernel-page-table-unlink-order');
    expect(roles(inTime)).toEqual(['given up', 'unlinked']);
    // Nobody caches it where nobody walks.
    expect(worker(unshared().tableFree(T), T).tableUnlink(T).rules()).toEqual([]);
  });

  it('K8: is freed before its entry is cleared, as when memory is removed', () => {
    expect(shared().free(T).tableUnlink(T).alloc(T).rules()).toEqual(['kernel-page-table-unlink-order']);
  });

  it('K9: is deferred while the one above it is not', () => {
    const k = shared()
      .tableUnlink(T)
      .tableFree(T)
      .tableUnlink(T + 1)
      .free(T + 1);
    expect(worker(k, T).sole('stale-kernel-page-table').page?.pfn).toBe('0x4568');
  });

  it('K11: is forgotten when the last device stops to walk', () => {
    expect(shared().tableUnlink(T).tableFree(T).svaUnbind(GPU, 1).free(T).rules()).toEqual([]);
    const two = shared().svaBind(GPU, 1).tableUnlink(T).tableFree(T).svaUnbind(GPU, 1).free(T);
    expect(two.rules()).toEqual(['stale-kernel-page-table']);
  });

  it('is not cached by a device that began to walk when its entry was cleared', () => {
    expect(unshared().tableUnlink(T).svaBind(GPU, 1).free(T).rules()).toEqual([]);
  });

  it('is not cached by a device that was bound later, when the one that was bound before is gone', () => {
    const k = shared().tableUnlink(T).tableFree(T).svaBind(GPU, 2).svaUnbind(GPU, 1);
    expect(k.free(T).rules()).toEqual([]);
    const unlinkedBefore = unshared().tableUnlink(T).svaBind(GPU, 1).tableFree(T);
    expect(unlinkedBefore.free(T).rules()).toEqual([]);
  });

  it('in a recording is known by what was given up alone', () => {
    const recorded = (): KernelScript => new KernelScript().as('kworker').svaBind(GPU, 1).tableFree(T);
    expect(worker(recorded(), T).rules()).toEqual([]);
    expect(recorded().free(T).rules()).toEqual(['stale-kernel-page-table']);
    // A probe on the entry alone: that the worker goes on to free shows that the invalidation has ended.
    expect(recorded().svaInvalidateBegin().free(T).rules()).toEqual([]);
    expect(recorded().as('other').svaInvalidateBegin().as('kworker').free(T).rules()).toEqual([
      'stale-kernel-page-table',
    ]);
  });

  it('of a former life is told of once, and is no matter for the next', () => {
    const k = worker(shared().tableFree(T), T).alloc(T).tableUnlink(T).tableFree(T);
    expect(worker(k, T).sole('kernel-page-table-unlink-order').count).toBe(1);
  });

  it('is only possible where events were lost since', () => {
    expect(shared().tableUnlink(T).lose().free(T).sole().certainty).toBe('possible');
    expect(shared().tableFree(T).lose().tableUnlink(T).sole().certainty).toBe('possible');
  });
});

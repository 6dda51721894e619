import { describe, expect, it } from 'vitest';
import { KernelScript, roles } from '../helpers/kernel-script.ts';

const NIC = '0000:00:02.0';
const SECOND = 1e9;

/** A driver whose page_pool holds four pages. */
function withPool(): KernelScript {
  const k = new KernelScript().withStack(['page_pool_create', 'open[e1000e]']).probe(NIC, 'e1000e');
  k.poolCreate('pool', NIC);
  for (let i = 0; i < 4; i++) k.poolTake('pool', NIC, 0xffff_0000 + i * 4096, 0x700 + i, i + 1);
  return k;
}

/** A page comes back: the pool unmaps it, lets it go, and it is freed. */
function giveBack(k: KernelScript, i: number, isMapped = true): KernelScript {
  if (isMapped) k.dmaUnmap(NIC, 0xffff_0000 + i * 4096, 4096, { direction: 2 });
  return k.poolRelease('pool', 0x700 + i, i + 1).free(0x700 + i);
}

/** What Linux 6.15 and later do to pages in flight when their pool is destroyed: `page_pool_scrub()`. */
function scrub(k: KernelScript, ...pages: number[]): KernelScript {
  for (const i of pages) k.dmaUnmap(NIC, 0xffff_0000 + i * 4096, 4096, { direction: 2 });
  return k;
}

describe('a page_pool that is destroyed', () => {
  it('is silent where everything was returned', () => {
    const k = withPool();
    for (let i = 0; i < 4; i++) giveBack(k, i);
    k.poolDestroy('pool').poolShutdown('pool', 0).unbind(NIC).wait(SECOND).alloc(1);
    expect(k.rules()).toEqual([]);
  });

  it('is told of where pages are still out at the end', () => {
    const k = withPool();
    giveBack(k, 0);
    giveBack(k, 1);
    scrub(k.withStack(['page_pool_destroy', 'close[e1000e]']).poolDestroy('pool'), 2, 3);
    const finding = k.poolShutdown('pool', 2).wait(SECOND).alloc(1).sole('page-pool-inflight');
    expect(finding).toMatchObject({
      severity: 'warning',
      certainty: 'certain',
      title: 'page_pool of 0000:00:02.0 (e1000e) destroyed with 2 pages in flight, still out 1.0 s later',
      pages: 2,
      page: { pfn: '0x702' },
      facts: [
        { name: 'Pool', value: 'pool' },
        { name: 'In flight', value: '2 pages for at least 1.0 s' },
      ],
    });
    expect(roles(finding)).toEqual(['held by page_pool', 'page_pool destroyed']);
  });

  it('is silent where the last pages come back in no time, or the trace ends too soon to tell', () => {
    const soon = scrub(withPool().poolDestroy('pool'), 0, 1, 2, 3).poolShutdown('pool', 4).wait(50e6);
    expect(soon.alloc(1).rules()).toEqual([]);

    const back = scrub(withPool().poolDestroy('pool'), 0, 1, 2, 3).poolShutdown('pool', 4).wait(50e6);
    for (let i = 0; i < 4; i++) giveBack(back, i, false);
    expect(back.wait(SECOND).poolShutdown('pool', 0).rules()).toEqual([]);

    // The kernel looks once a second; that it saw them out once is nothing.
    const later = scrub(withPool().poolDestroy('pool'), 0, 1, 2, 3).poolShutdown('pool', 4).wait(SECOND);
    later.poolShutdown('pool', 4).wait(SECOND).poolShutdown('pool', 0);
    expect(later.rules()).toEqual([]);
  });

  it('is told of where pages are out for a minute, though they came back', () => {
    const k = scrub(withPool().poolDestroy('pool'), 0, 1, 2, 3).poolShutdown('pool', 4);
    for (let i = 0; i < 61; i++) k.wait(SECOND).poolShutdown('pool', 4);
    for (let i = 0; i < 4; i++) giveBack(k, i, false);
    const finding = k.poolShutdown('pool', 0).sole('page-pool-inflight');
    expect(finding.count).toBe(1);
    expect(roles(finding)).toEqual(['held by page_pool', 'page_pool destroyed', 'returned to page_pool']);
  });

  it('is told of where the driver leaves while pages are out', () => {
    const k = scrub(withPool().poolDestroy('pool'), 0, 1, 2, 3).poolShutdown('pool', 4).wait(1e6).unbind(NIC);
    for (let i = 0; i < 4; i++) giveBack(k, i, false);
    expect(k.sole('page-pool-inflight').title).toContain('still out 1.0 ms later');
  });

  it('is only possible where events were lost since', () => {
    const k = scrub(withPool().poolDestroy('pool'), 2).poolShutdown('pool', 1).lose().wait(SECOND).alloc(1);
    expect(k.finish().find(({ rule }) => rule === 'page-pool-inflight')?.certainty).toBe('possible');
  });

  it('is another one at the same address', () => {
    const k = scrub(withPool().poolDestroy('pool'), 0, 1, 2, 3).poolShutdown('pool', 4);
    k.poolCreate('pool', NIC).wait(SECOND).alloc(1);
    expect(k.rules()).toEqual([]);
  });
});

describe('a page_pool that outlives its driver', () => {
  it('is told of once, and not as a leak of the driver too', () => {
    const k = withPool();
    giveBack(k, 0);
    const finding = k.unbind(NIC).sole('page-pool-unbind');
    expect(finding).toMatchObject({
      severity: 'error',
      title: '0000:00:02.0 (e1000e) unbound while its page_pool has 3 pages mapped',
      pages: 3,
      reachable: { ended: false },
      facts: [
        { name: 'Pool', value: 'pool' },
        { name: 'page_pool_destroy()', value: 'not called' },
      ],
    });
    expect(finding.otherMappings).toHaveLength(2);
  });

  it('keeps the mappings that are not of the pool for the rule of leaks', () => {
    const k = withPool();
    k.withStack(['dma_map_page_attrs', 'xmit[e1000e]']).dmaMap(NIC, 0xfff0_0000, 0x9000_0000, 4096);
    expect(k.unbind(NIC).rules().sort()).toEqual(['page-pool-unbind', 'unbind-leak']);
  });

  it('is silent where the pool was scrubbed, or devres destroys it', () => {
    const scrubbed = scrub(withPool().poolDestroy('pool'), 0, 1, 2, 3).poolShutdown('pool', 4).unbind(NIC);
    expect(scrubbed.rules()).toEqual(['page-pool-inflight']);

    const managed = withPool();
    managed.unbind(NIC, () => {
      managed.withStack(['page_pool_destroy', 'devm_action_release', 'release_nodes', 'devres_release_all']);
      for (let i = 0; i < 4; i++) giveBack(managed, i);
      managed.poolDestroy('pool').poolShutdown('pool', 0);
    });
    expect(managed.rules()).toEqual([]);
  });

  it('says until when the device could reach the pages', () => {
    const k = withPool().unbind(NIC);
    for (let i = 0; i < 4; i++) giveBack(k, i);
    const found = k.finish();
    expect(found.map(({ rule }) => rule).sort()).toEqual(['page-pool-unbind', 'unmap-after-unbind']);
    expect(found.find(({ rule }) => rule === 'page-pool-unbind')?.reachable?.ended).toBe(true);
  });
});

describe('a page of a page_pool that is freed', () => {
  it('is told of, once for each time that it entered the pool', () => {
    const k = scrub(withPool(), 1).withStack(['__free_frozen_pages', 'skb_release_data']).free(0x701);
    k.alloc(0x701).free(0x701);
    const finding = k.sole('page-pool-freed-page');
    expect(finding).toMatchObject({
      title: 'page 0x701 freed while a page_pool of 0000:00:02.0 (e1000e) holds it',
      count: 1,
      page: { pfn: '0x701' },
    });
    expect(roles(finding)).toEqual(['held by page_pool', 'freed']);
  });

  it('is a use-after-free as well while the device can reach it', () => {
    expect(withPool().free(0x701).rules().sort()).toEqual(['free-while-mapped', 'page-pool-freed-page']);
  });

  it('is found in a larger block', () => {
    const k = scrub(withPool(), 0, 1, 2, 3).free(0x700, 3);
    expect(k.sole('page-pool-freed-page')).toMatchObject({
      title: 'page 0x700 and 3 more pages freed while a page_pool of 0000:00:02.0 (e1000e) holds it',
      pages: 4,
    });
  });

  it('is silent once it has left the pool, also for another owner', () => {
    const k = withPool();
    k.dmaUnmap(NIC, 0xffff_1000, 4096, { direction: 2 }).poolRelease('pool', 0x701, 1);
    expect(k.wait(SECOND).free(0x701).alloc(0x701).free(0x701).rules()).toEqual([]);
  });

  it('is silent for memory that is no page, and possible after a loss', () => {
    const none = new KernelScript().poolHold('pool', 0, 1).free(0);
    expect(none.rules()).toEqual([]);
    expect(scrub(withPool(), 1).lose().free(0x701).sole().certainty).toBe('possible');
  });
});

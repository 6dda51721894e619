import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/findings/finding.ts';
import type { Life } from '../../src/findings/life.ts';
import { followLives } from '../../src/timeline/follow-lives.ts';
import { KernelScript } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';

/** Lets a script happen twice, as a trace is read twice: once for the verdict, once for the lives. */
function livesOf(act: (k: KernelScript) => void, mostEvents = 100): { findings: Finding[]; lives: Life[] } {
  const first = new KernelScript();
  act(first);
  const findings = first.finish();
  const again = new KernelScript({ checks: [] });
  const lives = followLives(again.shadow, again.names, findings, { mostEvents, frames: 3 });
  again.judge.follow(lives.follower);
  act(again);
  return { findings, lives: lives.result() };
}

function told({ events }: Life): string[] {
  return events.map(({ role, story }) => (story === undefined ? role : `*${role}`));
}

const useAfterFree = (k: KernelScript): void => {
  k.as('modprobe').probe(NIC, 'e1000e');
  k.alloc(5).free(5).alloc(5);
  k.withStack(['iommu_map', 'dma_map_page', 'e1000_open[e1000e]']).dmaMap(NIC, 0x1000, 0x5000, 0x800);
  k.free(5).alloc(5).dmaUnmap(NIC, 0x1000, 0x800);
  k.alloc(6).free(5);
};

describe('the life of a page', () => {
  it('is told in order, with what the verdict rests on', () => {
    const { lives } = livesOf(useAfterFree);
    expect(told(lives[0] as Life)).toEqual([
      'driver bound',
      'allocated',
      'freed',
      '*allocated',
      '*mapped',
      'DMA mapped',
      '*freed',
      '*allocated',
      '*unmapped',
      'DMA unmapped',
      'freed',
    ]);
    expect(lives[0]).toMatchObject({ pfn: '0x5', device: NIC, omitted: 0 });
  });

  it('has what was believed after each event', () => {
    const { lives } = livesOf(useAfterFree);
    const beliefs = lives[0]?.events.filter(({ story }) => story !== undefined).map(({ belief }) => belief);
    expect(beliefs).toEqual([
      { page: 'allocated', reachedBy: 0, driver: 'bound' },
      { page: 'allocated', reachedBy: 1, mappedBytes: 4096, driver: 'bound' },
      { page: 'free', reachedBy: 1, mappedBytes: 4096, driver: 'bound' },
      { page: 'allocated', reachedBy: 1, mappedBytes: 4096, driver: 'bound' },
      { page: 'allocated', reachedBy: 0, mappedBytes: 0, driver: 'bound' },
    ]);
  });

  it('has facts, the innermost frames and the place of each event', () => {
    const mapped = livesOf(useAfterFree).lives[0]?.events.find(({ role }) => role === 'mapped');
    expect(mapped).toMatchObject({
      facts: { iova: '0x1000', phys: '0x5000', sizeBytes: 4096, domain: `domain of ${NIC}` },
      task: 'modprobe',
      location: { file: 'script' },
    });
    expect(mapped?.stack.map(({ symbol }) => symbol)).toEqual(['iommu_map', 'dma_map_page', 'e1000_open']);
  });

  it('follows every mapping that reaches the page, through other domains too', () => {
    const { lives } = livesOf(k => {
      k.alloc(5).map('A', 0x1000, 0x5000, 0x1000).map('B', 0x8000, 0x4000, 0x4000);
      k.unmap('A', 0x1000, 0x1000).free(5).unmap('B', 0x8000, 0x4000);
    });
    const [life] = lives;
    expect(told(life as Life)).toEqual([
      '*allocated',
      'mapped',
      '*mapped',
      'unmapped',
      '*freed',
      '*unmapped',
    ]);
    expect(life?.events.map(({ belief }) => belief.reachedBy)).toEqual([0, 1, 2, 1, 1, 0]);
  });

  it('ends with the domain', () => {
    const { findings, lives } = livesOf(k =>
      k.alloc(5).map('A', 0x1000, 0x5000, 0x1000).domainFree('A').free(5),
    );
    expect(findings[0]?.rule).toBe('domain-freed-live');
    expect(told(lives[0] as Life)).toEqual(['allocated', '*mapped', '*domain freed', 'freed']);
    expect(lives[0]?.events[2]?.belief).toMatchObject({ reachedBy: 0, mappedBytes: 0 });
  });

  it('tells an unmap that found nothing', () => {
    const { lives } = livesOf(k =>
      k.map('A', 0x1000, 0x5000, 0x1000).unmap('A', 0x1000, 0x1000).unmap('A', 0x1000, 0x1000, 0),
    );
    expect(told(lives[0] as Life)).toEqual(['*unmap found nothing']);
  });

  it('is not of a mapping that has the same IOVA later', () => {
    const { lives } = livesOf(k => {
      useAfterFree(k);
      k.dmaMap(NIC, 0x1000, 0x9000, 0x1000);
    });
    expect(told(lives[0] as Life).filter(role => role.endsWith('mapped') && !role.startsWith('DMA'))).toEqual(
      ['*mapped', '*unmapped'],
    );
  });

  it('keeps what the verdict rests on and what lies nearest to it, and counts the rest', () => {
    const { lives } = livesOf(k => {
      for (let i = 0; i < 50; i++) k.alloc(5).free(5);
      useAfterFree(k);
      for (let i = 0; i < 50; i++) k.alloc(5).free(5);
    }, 8);
    const [life] = lives;
    const roles = told(life as Life);
    expect(roles.filter(role => role.startsWith('*'))).toHaveLength(5);
    expect(roles).toHaveLength(13);
    expect(life?.omitted).toBe(206 - 8);
    const times = life?.events.map(({ timeNs }) => timeNs) ?? [];
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('says where events were lost', () => {
    const { lives } = livesOf(k => {
      k.alloc(5)
        .map('A', 0x1000, 0x5000, 0x1000)
        .lost(0, 7, k.now, k.now + 10)
        .free(5);
    });
    expect(told(lives[0] as Life)).toContain('events lost');
  });

  it('of many findings are told side by side', () => {
    const { findings, lives } = livesOf(k => {
      for (let i = 0; i < 20; i++) {
        k.withStack(['map', `f${i}`])
          .alloc(i + 1)
          .map('A', 0x1000 * (i + 1), 0x1000 * (i + 1), 0x1000);
        k.withStack(['free', `f${i}`]).free(i + 1);
      }
    });
    expect(findings).toHaveLength(20);
    for (const [index, life] of lives.entries()) {
      expect(life.pfn).toBe(findings[index]?.page?.pfn);
      expect(told(life)).toEqual(['*allocated', '*mapped', '*freed']);
    }
  });
});

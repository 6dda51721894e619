import { describe, expect, it } from 'vitest';
import type { Series } from '../../src/findings/series.ts';
import { followSeries } from '../../src/timeline/follow-series.ts';
import { KernelScript } from '../helpers/kernel-script.ts';

const NIC = '0000:00:04.0';
const DISK = '0000:00:05.0';

function seriesOf(act: (k: KernelScript) => void): Series {
  const k = new KernelScript();
  const series = followSeries(k.shadow);
  k.judge.follow(series.follower);
  act(k);
  return series.result(k.names, k.now);
}

describe('series', () => {
  it('count the live mappings and bytes of each device', () => {
    const { devices } = seriesOf(k => {
      k.dmaMap(NIC, 0x1000, 0x5000, 0x1000)
        .dmaMap(NIC, 0x2000, 0x6000, 0x1000)
        .dmaMap(DISK, 0x1000, 0x7000, 0x2000);
      k.wait(1e6).dmaUnmap(NIC, 0x1000, 0x1000).wait(1e6);
    });
    expect(devices.map(({ device, made, live }) => [device, made, live])).toEqual([
      [NIC, 2, 1],
      [DISK, 1, 1],
    ]);
    expect(devices[0]?.mappings.at(-1)).toBe(1);
    expect(Math.max(...(devices[0]?.mappings ?? []))).toBe(2);
    expect(Math.max(...(devices[0]?.bytes ?? []))).toBe(0x2000);
  });

  it('count a mapping whose device is told only behind it for that device', () => {
    const { devices } = seriesOf(k => {
      // The domain is that of two devices, so that only the event of the DMA API tells whose the mapping is.
      k.dmaMap(NIC, 0x1000, 0x5000, 0x1000, { domain: 'shared' });
      k.dmaMap(DISK, 0x2000, 0x6000, 0x1000, { domain: 'shared' });
      k.dmaMap(NIC, 0x3000, 0x7000, 0x1000, { domain: 'shared' });
    });
    expect(devices.map(({ device, made, live }) => [device, made, live])).toEqual([
      [NIC, 2, 2],
      [DISK, 1, 1],
    ]);
  });

  it('show what each domain had mapped where', () => {
    const { domains } = seriesOf(k => {
      k.dmaMap(NIC, 0x1000, 0x5000, 0x1000);
      k.map('vm', 0x4000_0000, 0x100_0000, 0x20_0000);
      k.wait(1e6).unmap('vm', 0x4000_0000, 0x1000).wait(1e6);
    });
    expect(domains.map(({ domain, devices, made }) => [domain, devices, made])).toEqual([
      [`domain of ${NIC}`, [NIC], 1],
      ['vm', [], 1],
    ]);
    expect(domains[1]?.rowBytes).toBe(0x8000);
    expect(domains[1]?.rows).toHaveLength(64);
    expect(domains[1]?.rows[0]).toMatchObject({
      iova: '0x40000000',
      mapped: [
        [0, 0x8000],
        [expect.any(Number), 0x7000],
      ],
    });
    expect(domains[1]?.rows[1]?.mapped).toEqual([[0, 0x8000]]);
  });

  it('follow mappings that a map replaces, and those of a freed domain, to their end', () => {
    const { devices, domains } = seriesOf(k => {
      k.map('A', 0x1000, 0x5000, 0x2000).map('A', 0x2000, 0x9000, 0x1000);
      k.map('B', 0x1000, 0x5000, 0x1000);
      k.wait(1e6).domainFree('A').wait(1e6);
    });
    expect(devices).toMatchObject([{ made: 3, live: 1 }]);
    expect(domains[0]?.rows.map(({ mapped }) => mapped.at(-1)?.[1])).toEqual([0, 0]);
  });

  it('are few and say what they leave out, however many devices and domains there are', () => {
    const series = seriesOf(k => {
      for (let i = 0; i < 300; i++) k.dmaMap(`device ${i}`, 0x1000, 0x10_0000 + i * 0x1000, 0x1000);
    });
    expect(series.devices).toHaveLength(32);
    expect(series.devicesOmitted).toBe(268);
    expect(series.domains).toHaveLength(16);
    expect(series.domainsOmitted).toBe(284);
  });

  it('of a trace without mappings are empty', () => {
    expect(seriesOf(k => k.alloc(5))).toEqual({
      startNs: 0,
      stepNs: 1024,
      steps: 0,
      devices: [],
      domains: [],
      devicesOmitted: 0,
      domainsOmitted: 0,
    });
  });
});

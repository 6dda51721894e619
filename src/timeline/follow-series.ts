import type { Follower } from '../checks/follower.ts';
import type { DeviceSeries, DomainSeries, Series } from '../findings/series.ts';
import type { Moment } from '../kernel/moment.ts';
import type { SourceNames } from '../kernel/source.ts';
import { FRAME_SIZE, frameOf } from '../kernel/units.ts';
import type { Shadow } from '../shadow/shadow.ts';
import { IovaSpace } from './iova-space.ts';
import { type PeakSeries, StepAxis } from './step-axis.ts';

/** Devices and domains that are told of. */
const DEVICES_TOLD = 32;
const DOMAINS_TOLD = 16;

/** Domains that are followed; a machine that makes one for each of a thousand guests is only counted. */
const DOMAINS_FOLLOWED = 256;

interface DeviceRecord {
  made: number;
  readonly mappings: PeakSeries;
  readonly bytes: PeakSeries;
}

/** Aggregated series that grow while events come. */
export interface SeriesFollower {
  readonly follower: Follower;
  result(names: SourceNames, lastNs: number): Series;
}

/** Follows the live mappings of each device, and the IOVA space of each domain. */
export function followSeries(shadow: Shadow): SeriesFollower {
  const { mappings, tables } = shadow;
  const axis = new StepAxis();
  const devices = new Map<number, DeviceRecord>();
  const spaces = new Map<number, IovaSpace>();
  const unfollowed = new Set<number>();
  /** Device that each live mapping was counted for: it may become known only after the map. */
  const countedFor = new Map<number, number>();

  const recordOf = (device: number): DeviceRecord => {
    let record = devices.get(device);
    if (!record) {
      record = { made: 0, mappings: axis.newSeries(), bytes: axis.newSeries() };
      devices.set(device, record);
    }
    return record;
  };
  const spaceOf = (domain: number): IovaSpace | undefined => {
    const known = spaces.get(domain);
    if (known) return known;
    if (spaces.size >= DOMAINS_FOLLOWED) {
      unfollowed.add(domain);
      return undefined;
    }
    const space = new IovaSpace(axis);
    spaces.set(domain, space);
    return space;
  };
  const count = (step: number, device: number, number: number, pages: number): void => {
    const record = recordOf(device);
    record.made += Math.max(0, number);
    record.mappings.change(step, number);
    record.bytes.change(step, pages * FRAME_SIZE);
  };
  /** The event behind a map has told whose it is. */
  const attribute = (at: Readonly<Moment>, dmaAddr: number): void => {
    const id = tables.get(shadow.recent.of(at.context).mapDomain, frameOf(dmaAddr));
    const before = countedFor.get(id);
    const device = id === 0 ? 0 : shadow.deviceOf(id);
    if (before === undefined || before === device) return;
    const step = axis.stepOf(at.timeNs);
    count(step, before, -1, -(mappings.left[id] as number));
    recordOf(before).made--;
    count(step, device, 1, mappings.left[id] as number);
    countedFor.set(id, device);
    spaces.get(mappings.domain[id] as number)?.devices.add(device);
  };

  const follower: Follower = {
    iommuMap(at, domain, iova) {
      const id = tables.get(domain, frameOf(iova));
      if (id === 0 || countedFor.has(id)) return;
      const step = axis.stepOf(at.timeNs);
      const device = shadow.deviceOf(id);
      const pages = mappings.pages[id] as number;
      count(step, device, 1, pages);
      countedFor.set(id, device);
      const space = spaceOf(domain);
      if (!space) return;
      space.made++;
      space.devices.add(device);
      space.change(step, mappings.iovaPage[id] as number, pages, 1);
    },
    mappingCut(at, id, iovaPage, pages, gone) {
      const device = countedFor.get(id);
      if (device === undefined) return;
      const step = axis.stepOf(at.timeNs);
      count(step, device, gone ? -1 : 0, -pages);
      if (gone) countedFor.delete(id);
      spaces.get(mappings.domain[id] as number)?.change(step, iovaPage, pages, -1);
    },
    dmaMap(at, _kind, _device, dmaAddr) {
      attribute(at, dmaAddr);
    },
    dmaMapSg(at, _device, list) {
      for (let i = 0; i < list.ents; i++) attribute(at, list.dmaAddr[i] as number);
    },
  };

  return {
    follower,
    result(names, lastNs) {
      const isEmpty = Number.isNaN(axis.startNs);
      const steps = isEmpty ? 0 : axis.stepOf(lastNs) + 1;
      const busiest = byMade(devices).filter(([, { made }]) => made > 0);
      const largest = byMade(spaces);
      return {
        startNs: isEmpty ? 0 : axis.startNs,
        stepNs: axis.stepNs,
        steps,
        devices: busiest
          .slice(0, DEVICES_TOLD)
          .map(([id, record]) => deviceSeries(names.device(id), record, steps)),
        domains: largest.slice(0, DOMAINS_TOLD).map(([id, space]) => domainSeries(id, space, names, steps)),
        devicesOmitted: Math.max(0, busiest.length - DEVICES_TOLD),
        domainsOmitted: Math.max(0, largest.length - DOMAINS_TOLD) + unfollowed.size,
      };
    },
  };
}

function byMade<T extends { readonly made: number }>(records: ReadonlyMap<number, T>): [number, T][] {
  return [...records].sort(([, a], [, b]) => b.made - a.made);
}

function deviceSeries(device: string | undefined, record: DeviceRecord, steps: number): DeviceSeries {
  return {
    ...(device !== undefined && { device }),
    made: record.made,
    live: record.mappings.value,
    mappings: record.mappings.values(steps),
    bytes: record.bytes.values(steps),
  };
}

function domainSeries(id: number, space: IovaSpace, names: SourceNames, steps: number): DomainSeries {
  const domain = names.domain(id);
  return {
    ...(domain !== undefined && { domain }),
    devices: [...space.devices].flatMap(device => names.device(device) ?? []).sort(),
    made: space.made,
    rowBytes: space.rowBytes,
    rows: space.result(steps),
  };
}

import type { Follower } from '../checks/follower.ts';
import type { Finding } from '../findings/finding.ts';
import { dmaAttrNames, dmaDirectionName } from '../kernel/dma.ts';
import { PROT_UNKNOWN, type ScatterList, UNKNOWN } from '../kernel/events.ts';
import type { Moment } from '../kernel/moment.ts';
import type { SourceNames } from '../kernel/source.ts';
import { frameOf, hex } from '../kernel/units.ts';
import type { Shadow } from '../shadow/shadow.ts';
import { Lanes } from './perfetto/lanes.ts';
import { type Annotations, TrackEvents } from './perfetto/track-events.ts';

/** Draws a trace for ui.perfetto.dev: follow the shadow with it, then give it the findings. */
export interface PerfettoDrawing {
  readonly follower: Follower;
  /** Gaps of a CPU in which events are missing. */
  eventsLost(cpu: number, count: number, sinceNs: number, untilNs: number): void;
  findings(findings: readonly Finding[]): void;
}

/**
 * One group of lanes for each domain, with its mappings as slices; one for each device, with those of the DMA API;
 * findings as instants, and what was lost as slices.
 */
export function drawPerfetto(
  shadow: Shadow,
  names: SourceNames,
  write: (bytes: Uint8Array) => void,
): PerfettoDrawing {
  const events = new TrackEvents(write);
  const mappings = new Lanes<number>(events, 'mappings');
  const dma = new Lanes<string>(events, 'DMA API');
  const lost = new Map<number, number>();
  const { tables } = shadow;

  const domainName = (id: number): string => {
    const device = names.device(shadow.domains.soleDevice(id));
    return id === UNKNOWN
      ? 'Domain unknown'
      : `Domain ${names.domain(id)}${device === undefined ? '' : ` (${device})`}`;
  };
  const deviceName = (id: number): string => `Device ${names.device(id) ?? 'unknown'}`;
  const who = (at: Readonly<Moment>): Annotations => ({
    task: `${names.task(at.pid)}-${at.pid}`,
    cpu: at.cpu,
    stack:
      names
        .stack(at.stack)
        .map(({ symbol, address }) => symbol ?? address ?? '?')
        .join('\n') || undefined,
  });

  return {
    follower: {
      iommuMap(at, domain, iova, phys, size, prot) {
        const id = tables.get(domain, frameOf(iova));
        if (id === 0) return;
        mappings.begin(`domain ${domain}`, () => domainName(domain), id, at.timeNs, {
          category: 'iommu',
          name: hex(iova),
          annotations: {
            iova: hex(iova),
            phys: hex(phys),
            size,
            prot: prot === PROT_UNKNOWN ? undefined : hex(prot),
            ...who(at),
          },
        });
      },
      mappingCut(at, id, _iovaPage, _pages, gone) {
        if (gone) mappings.end(id, at.timeNs);
      },
      dmaMap(at, kind, device, dmaAddr, size, phys, direction, attrs) {
        dma.begin(`device ${device}`, () => deviceName(device), keyOf(device, dmaAddr), at.timeNs, {
          category: 'dma',
          name: `${hex(dmaAddr)} ${kind}`,
          annotations: {
            'DMA address': hex(dmaAddr),
            size,
            phys: phys < 0 ? undefined : hex(phys),
            direction: direction < 0 ? undefined : dmaDirectionName(direction),
            attrs: attrs < 0 ? undefined : dmaAttrNames(attrs),
            ...who(at),
          },
        });
      },
      dmaUnmap(at, _kind, device, dmaAddr) {
        dma.end(keyOf(device, dmaAddr), at.timeNs);
      },
      dmaMapSg(at, device, list, direction) {
        dma.begin(`device ${device}`, () => deviceName(device), listKey(device, list), at.timeNs, {
          category: 'dma',
          name: `${hex(list.dmaAddr[0] ?? 0)} sg of ${list.fullNents}`,
          annotations: {
            entries: list.fullNents,
            segments: list.fullEnts,
            direction: direction < 0 ? undefined : dmaDirectionName(direction),
            ...who(at),
          },
        });
      },
      dmaUnmapSg(at, device, list) {
        dma.end(listKey(device, list), at.timeNs);
      },
    },
    eventsLost(cpu, count, sinceNs, untilNs) {
      let track = lost.get(cpu);
      if (track === undefined) {
        track = events.track(`Events lost on CPU ${cpu}`);
        lost.set(cpu, track);
      }
      const from = Number.isFinite(sinceNs) ? sinceNs : 0;
      const words = count < 0 ? 'events lost' : `${count} events lost`;
      events.begin(track, from, 'lost', words, {});
      events.end(track, Number.isFinite(untilNs) ? untilNs : from);
    },
    findings(findings) {
      if (findings.length === 0) return;
      const track = events.track('Findings');
      for (const finding of findings) {
        const fired = finding.story[finding.firedAt];
        if (!fired) continue;
        events.instant(track, fired.timeNs, 'finding', `${finding.rule}: ${finding.title}`, {
          severity: finding.severity,
          certainty: finding.certainty,
          count: finding.count,
          signature: finding.signature,
          page: finding.page?.pfn,
          iova: finding.mapping?.iova,
          device: finding.device,
          driver: finding.driver,
          task: `${fired.task}-${fired.pid}`,
        });
      }
    },
  };
}

function keyOf(device: number, dmaAddr: number): string {
  return `${device} ${dmaAddr}`;
}

/** An unmap of a scatterlist names its physical addresses only. */
function listKey(device: number, list: ScatterList): string {
  return `${device} list ${list.phys[0] ?? 0} ${list.fullNents}`;
}

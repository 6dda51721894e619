import type { Rule } from '../findings/rule.ts';
import { DMA_TO_DEVICE, dmaDirectionName } from '../kernel/dma.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { FRAME_SIZE, frameOf, hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, ownerWords, pageRef } from './describe.ts';

const rule: Rule = {
  id: 'dma-overlap',
  severity: 'note',
  isOffByDefault: true,
  title: 'a cache line was mapped for a device to write while another mapping lets a device write it',
  needs: ['hasDmaApi'],
  advice: [
    'Where DMA is not coherent, the unmap or sync of one buffer throws away what the device wrote into the other.',
    'Give each buffer cache lines of its own: kmalloc() them apart, or align the members of a structure.',
    'Harmless on machines with coherent DMA, such as x86.',
  ],
};

/** Bytes of a cache line of most machines that Linux runs on. */
const CACHE_LINE = 64;

/** `DMA_ATTR_*` with which the CPU's cache is left alone, or the caller vouches for it. */
const CARELESS = (1 << 5) | (1 << 10) | (1 << 11) | (1 << 12);

/** A live mapping that a device may write. */
interface Writable {
  readonly device: number;
  readonly phys: number;
  readonly size: number;
  readonly direction: number;
  readonly made: Moment;
}

/** dma-debug: "cacheline tracking EEXIST, overlapping mappings aren't supported", for the whole buffer. */
export const dmaOverlap: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const byFrame = new Map<number, Set<Writable>>();
    /** Without an IOMMU one address may be mapped any number of times. */
    const byAddress = new Map<number, Map<number, Writable[]>>();

    const overlapping = (phys: number, size: number): Writable | undefined => {
      const first = Math.floor(phys / CACHE_LINE);
      const last = Math.floor((phys + size - 1) / CACHE_LINE);
      for (let frame = frameOf(phys); frame <= frameOf(phys + size - 1); frame++) {
        for (const other of byFrame.get(frame) ?? []) {
          const otherFirst = Math.floor(other.phys / CACHE_LINE);
          const otherLast = Math.floor((other.phys + other.size - 1) / CACHE_LINE);
          if (otherFirst <= last && first <= otherLast) return other;
        }
      }
      return undefined;
    };

    const add = (entry: Writable, dmaAddr: number): void => {
      for (let frame = frameOf(entry.phys); frame <= frameOf(entry.phys + entry.size - 1); frame++) {
        const entries = byFrame.get(frame) ?? new Set();
        byFrame.set(frame, entries.add(entry));
      }
      const ofDevice = byAddress.get(entry.device) ?? new Map<number, Writable[]>();
      byAddress.set(entry.device, ofDevice.set(dmaAddr, [...(ofDevice.get(dmaAddr) ?? []), entry]));
    };

    /** Of several mappings at one address the one that fits, else the first. */
    const remove = (device: number, dmaAddr: number, bytes: number, way: number): void => {
      const entries = byAddress.get(device)?.get(dmaAddr);
      const entry =
        entries?.find(({ size, direction }) => size === bytes && direction === way) ?? entries?.[0];
      if (!entries || !entry) return;
      entries.splice(entries.indexOf(entry), 1);
      if (entries.length === 0) byAddress.get(device)?.delete(dmaAddr);
      for (let frame = frameOf(entry.phys); frame <= frameOf(entry.phys + entry.size - 1); frame++) {
        const inFrame = byFrame.get(frame);
        inFrame?.delete(entry);
        if (inFrame?.size === 0) byFrame.delete(frame);
      }
    };

    const report = (at: Moment, { device, phys, size, direction }: Writable, other: Writable): void => {
      const owner = ownerOf(context, device);
      const range = (buffer: Writable | { phys: number; size: number; direction: number }): string =>
        `${buffer.size} bytes at ${hex(buffer.phys)}, ${dmaDirectionName(buffer.direction)}`;
      context.findings.report({
        rule,
        certainty: context.shadow.isCertainSince(other.made.timeNs) ? 'certain' : 'possible',
        title: `${ownerWords(owner)} mapped ${size} bytes at ${hex(phys)}, in a cache line that a mapping of ${ownerWords(ownerOf(context, other.device))} shares`,
        fired: { role: 'mapped again', at: copyMoment(at) },
        others: [{ role: 'mapped', at: other.made }],
        signatureStacks: [at.stack, other.made.stack],
        ...owner,
        pages: 1,
        page: pageRef(context, Math.floor(phys / context.shadow.pageSize)),
        facts: [
          { name: 'New mapping', value: range({ phys, size, direction }) },
          { name: 'Other mapping', value: range(other) },
        ],
      });
    };

    return {
      dmaMap(at, kind, device, dmaAddr, size, phys, direction, attrs): void {
        if (kind !== 'single' || phys < 0 || size <= 0 || size > LARGEST) return;
        // An IOVA is mapped anew after an unmap that the trace does not show.
        if (dmaAddr !== phys) remove(device, dmaAddr, size, direction);
        if (direction === DMA_TO_DEVICE || direction < 0 || (attrs >= 0 && attrs & CARELESS)) return;
        const entry: Writable = { device, phys, size, direction, made: copyMoment(at) };
        const other = overlapping(phys, size);
        if (other) report(at, entry, other);
        add(entry, dmaAddr);
      },
      dmaUnmap: (_at, _kind, device, dmaAddr, size, direction) => remove(device, dmaAddr, size, direction),
    };
  },
};

/** No buffer of the streaming API is larger: such a size comes from a damaged trace. */
const LARGEST = 2 ** 16 * FRAME_SIZE;

import type { IncidentHandle } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { FRAME_SIZE, frameOf, hex } from '../kernel/units.ts';
import { LARGEST_ORDER } from '../shadow/page-history.ts';
import { type SlabObject, SlabObjects } from '../shadow/slab-objects.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { countOf, madeEvent, ownerOf, ownerOfMapping, ownerWords, pageRef } from './describe.ts';

const rule: Rule = {
  id: 'subpage-exposure',
  severity: 'note',
  isOffByDefault: true,
  title: 'a page that is mapped for a device also holds slab objects that are none of its business',
  needs: ['hasSlab', 'hasDmaApi'],
  advice: [
    'An IOMMU protects pages, not bytes: the device can read and write every object in the page of its buffer.',
    'Do not map memory from kmalloc() for devices that are not trusted: take whole pages, or let swiotlb bounce.',
    'Objects with function pointers or lists are what an attacker looks for: see who allocated them.',
  ],
};

/** No buffer of the streaming API is larger: such a size comes from a damaged trace. */
const LARGEST_BUFFER = 2 ** 28;

/** Callers that a finding names. */
const CALLERS_TOLD = 6;

/** Types (a) and (d) of the sub-page vulnerabilities that D-KASAN finds (Markuze and others, EuroSys 2021). */
export const subpageExposure: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const objects = new SlabObjects();
    /** What was told, by the stack that mapped and the caller that allocated. */
    const told = new Map<number, Map<number, IncidentHandle>>();

    const tell = (
      stack: number,
      caller: number,
      at: Moment,
      report: () => IncidentHandle,
      role: 'mapped again' | 'slab object allocated',
    ): void => {
      const byCaller = told.get(stack) ?? new Map<number, IncidentHandle>();
      told.set(stack, byCaller);
      const known = byCaller.get(caller);
      if (known) known.echo(role, at);
      else byCaller.set(caller, report());
    };

    const callersOf = (found: readonly SlabObject[]): string => {
      const counts = new Map<string, number>();
      for (const { size, callSite } of found) {
        const [frame] = context.names.stack(callSite);
        const words = `${size} bytes from ${frame?.symbol ?? frame?.address ?? 'an unknown caller'}`;
        counts.set(words, (counts.get(words) ?? 0) + 1);
      }
      const all = [...counts].sort(([, a], [, b]) => b - a);
      const list = all
        .slice(0, CALLERS_TOLD)
        .map(([words, count]) => (count > 1 ? `${count} of ${words}` : words));
      return [
        ...list,
        ...(all.length > CALLERS_TOLD ? [`${all.length - CALLERS_TOLD} more kinds`] : []),
      ].join('; ');
    };

    return {
      slabAlloc(at, phys, size, callSite): void {
        const object = objects.add(at, phys, size, callSite);
        const pfn = Math.floor(phys / shadow.pageSize);
        if (!shadow.accounting.anyMapped(pfn, 1)) return;
        let mapping = 0;
        shadow.forEachReach(pfn, 1, id => {
          mapping ||= id;
        });
        if (mapping === 0) return;
        const made = shadow.mappings.madeAt(mapping);
        const owner = ownerOfMapping(context, mapping);
        const report = (): IncidentHandle =>
          context.findings.report({
            rule,
            certainty: shadow.isCertain(mapping) ? 'certain' : 'possible',
            title: `slab object of ${size} bytes allocated in page ${hex(pfn)}, which ${ownerWords(owner)} can reach`,
            fired: { role: 'slab object allocated', at: copyMoment(at) },
            others: [madeEvent(context, mapping)],
            signatureStacks: [made.stack, callSite],
            ...owner,
            pages: 1,
            page: pageRef(context, pfn),
            facts: [{ name: 'Object', value: callersOf([object]) }],
          });
        tell(made.stack, callSite, at, report, 'slab object allocated');
      },
      slabFree: (_at, phys) => objects.remove(phys),
      pageFree(_at, pfn, order): void {
        const perPage = shadow.pageSize / FRAME_SIZE;
        if (order <= LARGEST_ORDER) objects.pagesGone(pfn * perPage, 2 ** order * perPage);
      },
      dmaMap(at, kind, device, _dmaAddr, size, phys): void {
        if (kind !== 'single' || phys < 0 || size <= 0 || size > LARGEST_BUFFER) return;
        // What lies in the bytes of the buffer is the buffer.
        const found = objects
          .inFrames(frameOf(phys), frameOf(phys + size - 1))
          .filter(object => object.phys + object.size <= phys || object.phys >= phys + size);
        const [first] = found;
        if (!first) return;
        const owner = ownerOf(context, device);
        const pfn = Math.floor(first.phys / shadow.pageSize);
        const report = (): IncidentHandle =>
          context.findings.report({
            rule,
            certainty: shadow.isCertainSince(first.at.timeNs) ? 'certain' : 'possible',
            title: `page ${hex(pfn)} mapped for ${ownerWords(owner)} also holds ${countOf(found.length, 'live slab object')}`,
            fired: { role: 'mapped', at: copyMoment(at) },
            others: [{ role: 'slab object allocated', at: first.at }],
            signatureStacks: [at.stack, first.callSite],
            ...owner,
            pages: 1,
            page: pageRef(context, pfn),
            facts: [
              { name: 'Buffer', value: `${size} bytes at ${hex(phys)}` },
              { name: 'Objects', value: callersOf(found) },
            ],
          });
        // Without stacks, the device tells one place from another.
        tell(at.stack || -device, first.callSite, at, report, 'mapped again');
      },
    };
  },
};

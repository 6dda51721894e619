import type { IncidentHandle } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import { copyMoment } from '../kernel/moment.ts';
import { FRAME_SIZE, frameOf, framesIn, hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { madeEvent, mappingRef, ownerOf, ownerOfMapping, ownerWords, pageRef } from './describe.ts';

const rule: Rule = {
  id: 'multiple-map',
  severity: 'note',
  isOffByDefault: true,
  title:
    'a page was mapped while another mapping of it lives: an unmap of one does not take it from the device',
  needs: [],
  advice: [
    'Two buffers in one page, as network drivers cut them, are the usual case: each keeps the whole page within reach.',
    'Through two devices at once, each can read and write what the other works on.',
    'To give untrusted devices pages of their own, boot with swiotlb for them (they are marked as external facing).',
  ],
};

/** Searches for the other mapping that are made for one caller; each looks at all live mappings. */
const SEARCHES = 64;

/** What was found for one caller. */
interface Found {
  searches: number;
  handle: IncidentHandle | undefined;
}

/** "Multiple map" of D-KASAN (Markuze and others, EuroSys 2021). */
export const multipleMap: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const byStack = new Map<number, Found>();
    return {
      iommuMap(at, domain, iova, phys, size): void {
        const perPage = shadow.pageSize / FRAME_SIZE;
        const pfn = Math.floor(frameOf(phys) / perPage);
        const pages = Math.ceil((frameOf(phys) + framesIn(phys, size)) / perPage) - pfn;
        if (pages <= 0 || !shadow.accounting.anyMapped(pfn, pages)) return;
        const found = byStack.get(at.stack) ?? { searches: 0, handle: undefined };
        byStack.set(at.stack, found);
        if (found.searches++ >= SEARCHES) {
          found.handle?.echo('mapped again', at);
          return;
        }
        const other = otherMapping(context, domain, iova, pfn, pages);
        if (!other) return;
        const made = shadow.mappings.madeAt(other.id);
        const owner = ownerOfMapping(context, other.id);
        const device = shadow.deviceOf(other.id);
        const sole = shadow.domains.soleDevice(domain);
        const isShared = sole !== 0 && device !== 0 && sole !== device;
        const page = Math.floor(shadow.mappings.frameAt(other.id, other.iovaPage) / perPage);
        found.handle = context.findings.report({
          rule,
          certainty: shadow.isCertain(other.id) ? 'certain' : 'possible',
          title: isShared
            ? `page ${hex(page)} mapped for ${ownerWords(ownerOf(context, sole))} while it is mapped for ${ownerWords(owner)}`
            : `page ${hex(page)} mapped at IOVA ${hex(iova)} while it is mapped at ${hex(other.iovaPage * FRAME_SIZE)} for ${ownerWords(owner)}`,
          fired: { role: 'mapped again', at: copyMoment(at) },
          others: [madeEvent(context, other.id)],
          signatureStacks: [at.stack, made.stack],
          ...owner,
          pages: 1,
          page: pageRef(context, page),
          mapping: mappingRef(context, other.id),
          facts: [{ name: 'New mapping', value: `${hex(size)} bytes from ${hex(iova)} to ${hex(phys)}` }],
        });
      },
    };
  },
};

/** A live mapping that reaches one of the pages, and is not at the place that is mapped now. */
function otherMapping(
  { shadow }: CheckContext,
  domain: number,
  iova: number,
  pfn: number,
  pages: number,
): { id: number; iovaPage: number } | undefined {
  let found: { id: number; iovaPage: number } | undefined;
  shadow.forEachReach(pfn, pages, (id, iovaPage) => {
    const isReplaced = shadow.mappings.domain[id] === domain && iovaPage === frameOf(iova);
    if (!isReplaced) found ??= { id, iovaPage };
  });
  return found;
}

import type { Rule } from '../findings/rule.ts';
import { copyMoment } from '../kernel/moment.ts';
import { frameOf, hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { madeEvent, mappingRef, ownerOf, ownerOfMapping, pagesOf } from './describe.ts';

const rule: Rule = {
  id: 'unmap-larger-than-requested',
  severity: 'error',
  title: 'the IOMMU driver removed more than the caller asked to unmap',
  needs: [],
  advice: [
    'Unmap what was mapped: iommu_unmap() may join mappings, but must not split one (include/linux/generic_pt/iommu.h).',
    'Whoever owns the rest has lost its mapping without knowing: its next DMA faults.',
    'Linux 7.2 with IOMMU_DEBUG_PAGEALLOC warns once here, and again for every page of the rest when it is freed.',
  ],
};

/** `iommu_debug_unmap_end()` warns once of it: drivers/iommu/iommu-debug-pagealloc.c, Linux 7.2. */
export const unmapLargerThanRequested: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    context.unequalUnmaps.onUnequal((at, domain, iova, size, unmapped) => {
      if (unmapped <= size) return;
      const known = shadow.domainOf(domain, iova);
      const id = shadow.tables.get(known, frameOf(iova));
      const made = id === 0 ? undefined : shadow.mappings.madeAt(id);
      context.findings.report({
        rule,
        certainty: 'certain',
        title: `unmap of ${hex(size)} bytes at IOVA ${hex(iova)} removed ${hex(unmapped)}`,
        fired: { role: 'unmapped', at: copyMoment(at) },
        others: made ? [madeEvent(context, id)] : [],
        signatureStacks: [at.stack, made?.stack ?? 0],
        ...(id === 0 ? ownerOf(context, shadow.domains.soleDevice(known)) : ownerOfMapping(context, id)),
        pages: pagesOf(context, unmapped - size),
        mapping: id === 0 ? undefined : mappingRef(context, id),
        facts: [
          { name: 'Asked to unmap', value: `${hex(size)} bytes from ${hex(iova)}` },
          { name: 'Removed', value: `${hex(unmapped)} bytes, up to ${hex(iova + unmapped)}` },
        ],
      });
    });
    return {};
  },
};

import type { Rule } from '../findings/rule.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { FRAME_SIZE } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import {
  countOf,
  madeEvent,
  mappingRef,
  OTHERS_TOLD,
  ownerOfMapping,
  ownerWords,
  pagesOf,
} from './describe.ts';
import { isFixedMapping } from './fixed-mapping.ts';

const rule: Rule = {
  id: 'domain-freed-live',
  severity: 'error',
  title: 'a domain was freed with live mappings',
  needs: ['hasDomains', 'hasDomainLifetime'],
  advice: [
    'Unmap everything before iommu_domain_free(): whoever made these mappings still believes in them.',
    'Pinned pages of these mappings are probably pinned for ever.',
    'Linux 7.2 with IOMMU_DEBUG_PAGEALLOC never counts them down: it warns of every such page at its free.',
  ],
};

/** `iommu_domain_free()` frees the page tables without a look at what they hold. */
export const domainFreedLive: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    return {
      domainFree(at: Moment, domain: number): void {
        if (shadow.tables.isEmpty(domain)) return;
        const ids: number[] = [];
        shadow.mappings.forEach(id => {
          if (shadow.mappings.domain[id] === domain && !isFixedMapping(shadow, id)) ids.push(id);
        });
        // The oldest tells one bug from another: ids are given out again.
        ids.sort((a, b) => shadow.mappings.timeOf(a) - shadow.mappings.timeOf(b));
        const [first] = ids;
        if (first === undefined) return;
        const bytes = ids.reduce((sum, id) => sum + (shadow.mappings.left[id] as number) * FRAME_SIZE, 0);
        const made = shadow.mappings.madeAt(first);
        const owner = ownerOfMapping(context, first);
        const certain = ids.every(id => shadow.isCertain(id));
        context.findings.report({
          rule,
          certainty: certain ? 'certain' : 'possible',
          title: `domain of ${ownerWords(owner)} freed with ${countOf(ids.length, 'live mapping')}`,
          fired: { role: 'domain freed', at: copyMoment(at) },
          others: [madeEvent(context, first)],
          signatureStacks: [at.stack, made.stack],
          ...owner,
          pages: pagesOf(context, bytes),
          mapping: mappingRef(context, first),
          otherMappings: ids.slice(1, 1 + OTHERS_TOLD).map(id => mappingRef(context, id)),
        });
      },
    };
  },
};

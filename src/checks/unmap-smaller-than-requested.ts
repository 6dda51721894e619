import type { Rule } from '../findings/rule.ts';
import { UNKNOWN } from '../kernel/events.ts';
import { copyMoment } from '../kernel/moment.ts';
import { frameOf, hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { madeEvent, mappingRef, ownerOf, ownerOfMapping, pagesOf } from './describe.ts';

const rule: Rule = {
  id: 'unmap-smaller-than-requested',
  severity: 'error',
  title: 'an unmap stopped before the end of its range: what lies behind is still mapped',
  needs: [],
  advice: [
    'Is there a hole in the range, or was less mapped than is unmapped? The unmap stops at the first hole.',
    'On Arm (io-pgtable) the unmap of a part of a large leaf is refused: unmap it with the size it was mapped with.',
    'Check the returned size: a caller that ignores it believes that the device cannot reach the rest.',
  ],
};

/**
 * `unmapped < size`: a hole, or a part of a large leaf that Arm's io-pgtable does not split. An unmap that removed
 * nothing where nothing is known to be mapped belongs to `unmap-unmapped`.
 */
export const unmapSmallerThanRequested: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    context.unequalUnmaps.onUnequal((at, domain, iova, size, unmapped) => {
      if (unmapped >= size) return;
      const known = shadow.domainOf(domain, iova);
      const id = shadow.tables.get(known, frameOf(iova));
      if (unmapped === 0 && id === 0) return;
      const made = id === 0 ? undefined : shadow.mappings.madeAt(id);
      context.findings.report({
        rule,
        // What was removed, the event says. That something else is there rests on the mapping, which may be of another
        // domain where these are not told apart.
        certainty: unmapped > 0 || (known !== UNKNOWN && shadow.isCertain(id)) ? 'certain' : 'possible',
        title:
          unmapped === 0
            ? `unmap of ${hex(size)} bytes at IOVA ${hex(iova)} was refused`
            : `unmap of ${hex(size)} bytes at IOVA ${hex(iova)} stopped after ${hex(unmapped)}`,
        fired: { role: 'unmapped', at: copyMoment(at) },
        others: made ? [madeEvent(context, id)] : [],
        signatureStacks: [at.stack, made?.stack ?? 0],
        ...(id === 0 ? ownerOf(context, shadow.domains.soleDevice(known)) : ownerOfMapping(context, id)),
        pages: pagesOf(context, size - unmapped),
        mapping: id === 0 ? undefined : mappingRef(context, id),
        facts: [
          { name: 'Asked to unmap', value: `${hex(size)} bytes from ${hex(iova)}` },
          { name: 'Removed', value: `${hex(unmapped)} bytes` },
        ],
      });
    });
    return {};
  },
};

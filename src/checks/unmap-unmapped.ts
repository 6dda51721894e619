import type { Rule } from '../findings/rule.ts';
import { copyMoment } from '../kernel/moment.ts';
import { frameOf, hex } from '../kernel/units.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, pagesOf } from './describe.ts';

const rule: Rule = {
  id: 'unmap-unmapped',
  severity: 'warning',
  title: 'an unmap found nothing mapped at its IOVA',
  needs: [],
  advice: [
    'Is it unmapped twice, in another domain, or with a wrong IOVA?',
    'Harmless where the caller sweeps a range that may be empty; then suppress it for this caller.',
  ],
};

/**
 * The unmap returned 0 and nothing is known to be mapped there. An unmap that returns its size for an IOVA that was
 * never seen mapped is of a mapping made before the trace began, and no finding.
 */
export const unmapUnmapped: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    context.unequalUnmaps.onUnequal((at, domain, iova, size, unmapped) => {
      if (unmapped !== 0 || size === 0) return;
      const known = shadow.domainOf(domain, iova);
      if (shadow.tables.get(known, frameOf(iova)) !== 0) return;
      context.findings.report({
        rule,
        // A mapping that was refused to be split also leaves 0: that there is none rests on all events.
        certainty: shadow.isWhole ? 'certain' : 'possible',
        title: `nothing was mapped at IOVA ${hex(iova)}, where ${hex(size)} bytes should be unmapped`,
        fired: { role: 'unmapped', at: copyMoment(at) },
        others: [],
        signatureStacks: [at.stack],
        ...ownerOf(context, shadow.domains.soleDevice(known)),
        pages: pagesOf(context, size),
        facts: [
          { name: 'Asked to unmap', value: `${hex(size)} bytes from ${hex(iova)}` },
          ...domainFact(context, known),
        ],
      });
    });
    return {};
  },
};

function domainFact(context: CheckContext, domain: number): { name: string; value: string }[] {
  const name = context.names.domain(domain);
  return name === undefined ? [] : [{ name: 'Domain', value: name }];
}

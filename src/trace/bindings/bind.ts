import type { EventFormat } from '../events/event-format.ts';
import type { EventHandler } from '../events/raw-event.ts';
import type { BindingContext } from './context.ts';
import { bindDmaEvent } from './dma.ts';
import { bindIommuEvent } from './iommu.ts';
import type { CallEvidence } from './iommu-calls.ts';
import { bindIntelIommuEvent } from './iotlb-flushes.ts';
import { bindPrintkEvent } from './kernel-log.ts';
import { bindKmemEvent } from './kmem.ts';
import { bindMarker } from './marker.ts';
import { bindPagePoolEvent } from './page-pool.ts';
import { findProbeFields, isProbe, isReturnProbe, probeArguments } from './probe-fields.ts';
import { bindProbeEvent } from './probes.ts';

/** The handler that tells {@link KernelEvents} of one kind of event; `undefined` for those that mean nothing here. */
export function bindEvent(format: EventFormat, context: BindingContext): EventHandler | undefined {
  if (isProbe(format)) return bindProbeEvent(format, context);
  switch (format.system) {
    case 'iommu':
      return bindIommuEvent(format, context);
    case 'kmem':
      return bindKmemEvent(format, context);
    case 'dma':
      return bindDmaEvent(format, context);
    case 'page_pool':
      return bindPagePoolEvent(format, context);
    case 'printk':
      return bindPrintkEvent(format, context);
    case 'intel_iommu':
      return bindIntelIommuEvent(format, context);
    case 'ftrace':
      return bindMarker(format, context);
    default:
      return undefined;
  }
}

/**
 * Whether a probe of the trace is on a function that takes a domain and nothing else, as `iommu_domain_free()` does.
 * Its event may never come; without it, the address of a domain may be given to another unseen.
 */
export function showsDomainLifetime(formats: Iterable<EventFormat>): boolean {
  for (const format of formats) {
    if (!isProbe(format) || isReturnProbe(format) || probeArguments(format).length !== 1) continue;
    if (findProbeFields(format, ['domain'], ['domain'])) return true;
  }
  return false;
}

/** Reads from the formats of a trace which events can tell how a map or unmap call ended. */
export function callEvidence(formats: Iterable<EventFormat>): CallEvidence {
  let mapOutcome = false;
  let unmapOutcome = false;
  let mapReturnNamesDomain = false;
  let unmapReturnNamesDomain = false;
  for (const format of formats) {
    if (format.system === 'iommu' && format.name === 'map') mapOutcome = true;
    if (format.system === 'iommu' && format.name === 'unmap') unmapOutcome = true;
    if (!isProbe(format) || !isReturnProbe(format)) continue;
    const fields = findProbeFields(format, ['domain', 'iova', 'phys', 'size', 'result'], []);
    const namesDomain =
      fields?.domain !== undefined && fields.iova !== undefined && fields.size !== undefined;
    if (namesDomain && fields.phys) mapOutcome = mapReturnNamesDomain = true;
    if (namesDomain && !fields.phys) unmapOutcome = unmapReturnNamesDomain = true;
  }
  return { mapOutcome, unmapOutcome, mapReturnNamesDomain, unmapReturnNamesDomain };
}

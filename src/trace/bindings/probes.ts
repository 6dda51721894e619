import { PROT_UNKNOWN, UNKNOWN } from '../../kernel/events.ts';
import type { Moment } from '../../kernel/moment.ts';
import type { EventFormat } from '../events/event-format.ts';
import { findField, numberReader, pointer, pointerReader } from '../events/field-reader.ts';
import { type EventHandler, type RawEvent, withRecipe } from '../events/raw-event.ts';
import { bindBulkAlloc } from './bulk-alloc.ts';
import {
  type BindingContext,
  deviceReader,
  domainReader,
  driverReader,
  isNullOrError,
  poolReader,
  stamp,
} from './context.ts';
import { bindFlushAll, bindSync } from './iotlb-flushes.ts';
import {
  bindInvalidateKvaRange,
  bindPagetableFreeKernel,
  bindSvaBind,
  bindSvaUnbind,
} from './kernel-tables.ts';
import { findProbeFields, isReturnProbe, type Meaning } from './probe-fields.ts';

/** Makes the handler for a probe on one function; `undefined` where its fields do not tell enough. */
type ProbeBinding = (format: EventFormat, context: BindingContext) => EventHandler | undefined;

/**
 * The functions whose probes mean something, by name. Linux renames and inlines: each fact has several places
 * where it can be had (mapping: `__iommu_map` in Linux 6.1, `iommu_map_nosync` in 7.2).
 */
const FUNCTIONS: ReadonlyMap<string, ProbeBinding> = new Map([
  ['iommu_map_nosync', bindMap],
  ['__iommu_map', bindMap],
  ['iommu_map', bindMap],
  ['__iommu_unmap', bindUnmap],
  ['iommu_unmap', bindUnmap],
  ['iommu_unmap_fast', bindUnmap],
  ['iommu_domain_free', bindDomainFree],
  ['iommu_paging_domain_alloc_flags', bindDomainAlloc],
  ['iommu_paging_domain_alloc', bindDomainAlloc],
  ['iommu_domain_alloc', bindDomainAlloc],
  ['iommu_setup_dma_ops', bindSetupDmaOps],
  ['__iommu_attach_device', bindAttach],
  ['iommu_attach_device', bindAttach],
  ['iommu_attach_device_pasid', bindAttach],
  ['iommu_dma_map_page', bindDmaMapBegin],
  ['iommu_dma_map_phys', bindDmaMapBegin],
  ['iommu_dma_map_sg', bindDmaMapBegin],
  ['iommu_dma_alloc', bindDmaMapBegin],
  ['dma_iova_link', bindDmaMapBegin],
  ['really_probe', bindProbe],
  ['device_unbind_cleanup', bindCleanup],
  ['bus_notify', bindBusNotify],
  ['page_pool_create_percpu', bindPoolCreate],
  ['page_pool_create', bindPoolCreate],
  ['page_pool_destroy', bindPoolDestroy],
  ['intel_flush_iotlb_all', bindFlushAll],
  ['amd_iommu_flush_iotlb_all', bindFlushAll],
  ['arm_smmu_flush_iotlb_all', bindFlushAll],
  ['intel_iommu_tlb_sync', bindSync],
  ['amd_iommu_iotlb_sync', bindSync],
  ['arm_smmu_iotlb_sync', bindSync],
  ['alloc_pages_bulk_noprof', bindBulkAlloc],
  ['iommu_sva_bind_device', bindSvaBind],
  ['iommu_sva_unbind_device', bindSvaUnbind],
  ['pagetable_free_kernel', bindPagetableFreeKernel],
  ['iommu_sva_invalidate_kva_range', bindInvalidateKvaRange],
]);

/** Stages of `enum bus_notifier_event`, include/linux/device/bus.h. */
const BUS_NOTIFY_BIND_DRIVER = 3;
const BUS_NOTIFY_UNBOUND_DRIVER = 6;
const BUS_NOTIFY_DRIVER_NOT_BOUND = 7;

/**
 * Binds a probe event by the function it sits on, whatever the group and the event are called. The function is
 * known when the first record is there; one event may sit on several functions.
 */
export function bindProbeEvent(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const place = findField(format, '__probe_ip', '__probe_func');
  if (!place) return undefined;
  const address = pointerReader(place);
  const handlers = new Map<string, EventHandler | undefined>();
  let lastHigh = -1;
  let lastLow = -1;
  let handler: EventHandler | undefined;
  const learn = baseReaders(format, context);
  const bound = (event: RawEvent): void => {
    for (const read of learn) read(event);
    address(event);
    if (pointer.low !== lastLow || pointer.high !== lastHigh) {
      lastHigh = pointer.high;
      lastLow = pointer.low;
      const name = context.names.symbols.at(pointer.high, pointer.low)?.name ?? '';
      if (!handlers.has(name)) handlers.set(name, FUNCTIONS.get(name)?.(format, context));
      handler = handlers.get(name);
    }
    handler?.(event);
  };
  return Object.defineProperty(bound, 'recipe', {
    get: () => {
      const recipe = learn.length === 0 ? handler?.recipe : undefined;
      return recipe && { ...recipe, place: { field: place, high: lastHigh, low: lastLow } };
    },
  });
}

/** Any probe may record where the kernel keeps physical memory: `page_offset=@page_offset_base`, `vmemmap=@vmemmap_base`. */
function baseReaders(format: EventFormat, { addresses }: BindingContext): EventHandler[] {
  const directMap = findField(format, 'page_offset_base', 'page_offset');
  const vmemmap = findField(format, 'vmemmap_base', 'vmemmap');
  const readers: EventHandler[] = [];
  if (directMap) {
    const read = pointerReader(directMap);
    readers.push(event => {
      read(event);
      if (pointer.high !== 0) addresses.setDirectMap();
    });
  }
  if (vmemmap) {
    const read = pointerReader(vmemmap);
    readers.push(event => {
      read(event);
      if (pointer.high !== 0) addresses.setVmemmap();
    });
  }
  return readers;
}

const MAP_ORDER: readonly Meaning[] = ['domain', 'iova', 'phys', 'size', 'prot'];
const UNMAP_ORDER: readonly Meaning[] = ['domain', 'iova', 'size'];

function bindMap(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const { calls, seen } = context;
  const isReturn = isReturnProbe(format);
  const fields = findProbeFields(format, [...MAP_ORDER, 'result'], ['domain', 'iova', 'phys', 'size']);
  if (!fields?.domain || !fields.iova || !fields.phys || !fields.size) {
    if (!isReturn) return undefined;
    const ended = bindResult(format, context, (at, result) => calls.mapReturn(at, result));
    return (
      ended &&
      withRecipe(
        event => {
          if (!calls.closesReportedMap(event.context)) ended(event);
        },
        { what: 'map return', fields: [] },
      )
    );
  }
  const domain = domainReader(context, fields.domain);
  const iova = numberReader(fields.iova);
  const phys = numberReader(fields.phys);
  const size = numberReader(fields.size);
  if (isReturn) {
    const result = fields.result ? numberReader(fields.result) : () => 0;
    return event => {
      seen.hasDomains = true;
      calls.mapReturnWithArguments(
        stamp(context, event),
        domain(event),
        iova(event),
        phys(event),
        size(event),
        result(event),
      );
    };
  }
  const prot = fields.prot ? numberReader(fields.prot) : () => PROT_UNKNOWN;
  return withRecipe(
    event => {
      seen.hasDomains = true;
      calls.mapEntry(
        stamp(context, event),
        domain(event),
        iova(event),
        phys(event),
        size(event),
        prot(event),
      );
    },
    { what: 'map entry', fields: [fields.domain, fields.iova, fields.phys, fields.size, fields.prot] },
  );
}

function bindUnmap(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const { calls, seen } = context;
  const isReturn = isReturnProbe(format);
  const fields = findProbeFields(format, [...UNMAP_ORDER, 'result'], ['domain', 'iova', 'size']);
  if (!fields?.domain || !fields.iova || !fields.size) {
    if (!isReturn) return undefined;
    const ended = bindResult(format, context, (at, result) => calls.unmapReturn(at, result));
    return ended && withRecipe(ended, { what: 'unmap return', fields: [] });
  }
  const domain = domainReader(context, fields.domain);
  const iova = numberReader(fields.iova);
  const size = numberReader(fields.size);
  if (isReturn) {
    const result = fields.result ? numberReader(fields.result) : size;
    return event => {
      seen.hasDomains = true;
      calls.unmapReturnWithArguments(
        stamp(context, event),
        domain(event),
        iova(event),
        size(event),
        result(event),
      );
    };
  }
  return withRecipe(
    event => {
      seen.hasDomains = true;
      calls.unmapEntry(stamp(context, event), domain(event), iova(event), size(event));
    },
    { what: 'unmap entry', fields: [fields.domain, fields.iova, fields.size] },
  );
}

function bindResult(
  format: EventFormat,
  context: BindingContext,
  ended: (at: Moment, result: number) => void,
): EventHandler | undefined {
  const fields = findProbeFields(format, ['result'], ['result']);
  if (!fields?.result) return undefined;
  const result = numberReader(fields.result);
  return event => ended(stamp(context, event), result(event));
}

function bindDomainFree(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['domain'], ['domain']);
  if (!fields?.domain || isReturnProbe(format)) return undefined;
  const domain = domainReader(context, fields.domain);
  return event => {
    context.seen.hasDomainLifetime = true;
    context.sink.domainFree(stamp(context, event), domain(event));
  };
}

/** Devices named at the entry of a domain allocation, until its return, by thread of execution. */
const allocating = new WeakMap<BindingContext, Map<number, number>>();

function bindDomainAlloc(format: EventFormat, context: BindingContext): EventHandler | undefined {
  let waiting = allocating.get(context);
  if (!waiting) {
    waiting = new Map();
    allocating.set(context, waiting);
  }
  const devices = waiting;
  const fields = findProbeFields(format, ['device', 'domain', 'result'], []);
  const device = fields?.device ? deviceReader(context, fields.device) : () => UNKNOWN;
  if (!isReturnProbe(format)) {
    return event => {
      devices.set(event.context, device(event));
    };
  }
  const domainField = fields?.domain ?? fields?.result;
  if (!domainField) return undefined;
  const returned = pointerReader(domainField);
  return event => {
    const known = device(event) || (devices.get(event.context) ?? UNKNOWN);
    devices.delete(event.context);
    returned(event);
    if (isNullOrError(domainField.size)) return;
    const domain = context.names.domains.id(pointer.high, pointer.low);
    context.sink.domainAlloc(stamp(context, event), domain, known);
  };
}

function bindSetupDmaOps(format: EventFormat, context: BindingContext): EventHandler | undefined {
  return bindDeviceAndDomain(format, context, ['device', 'domain']);
}

function bindAttach(format: EventFormat, context: BindingContext): EventHandler | undefined {
  return bindDeviceAndDomain(format, context, ['domain', 'device']);
}

function bindDeviceAndDomain(
  format: EventFormat,
  context: BindingContext,
  order: readonly Meaning[],
): EventHandler | undefined {
  const fields = findProbeFields(format, order, ['device', 'domain']);
  if (!fields?.device || !fields.domain || isReturnProbe(format)) return undefined;
  const device = deviceReader(context, fields.device);
  const domain = domainReader(context, fields.domain);
  return event => {
    context.seen.hasDevices = true;
    context.sink.domainAttach(stamp(context, event), domain(event), device(event));
  };
}

function bindDmaMapBegin(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['device'], ['device']);
  if (!fields?.device || isReturnProbe(format)) return undefined;
  const device = deviceReader(context, fields.device);
  return withRecipe(
    event => {
      context.seen.hasDevices = true;
      context.sink.dmaMapBegin(stamp(context, event), device(event));
    },
    { what: 'dma map begin', fields: [fields.device] },
  );
}

function bindProbe(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['device', 'driver'], ['device']);
  if (!fields?.device || isReturnProbe(format)) return undefined;
  const device = deviceReader(context, fields.device);
  const driver = fields.driver ? driverReader(context, fields.driver) : () => UNKNOWN;
  return event => context.sink.driverProbe(stamp(context, event), device(event), driver(event));
}

function bindCleanup(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['device'], ['device']);
  if (!fields?.device) return undefined;
  const device = deviceReader(context, fields.device);
  const { sink, seen } = context;
  if (isReturnProbe(format)) {
    return event => {
      seen.hasUnbindEnd = true;
      sink.driverUnbound(stamp(context, event), device(event));
    };
  }
  return event => {
    seen.hasDriverLifecycle = true;
    sink.driverCleanup(stamp(context, event), device(event));
  };
}

function bindBusNotify(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['device', 'stage'], ['device', 'stage']);
  if (!fields?.device || !fields.stage || isReturnProbe(format)) return undefined;
  const device = deviceReader(context, fields.device);
  const stage = numberReader(fields.stage);
  const { sink, seen } = context;
  return event => {
    switch (stage(event)) {
      case BUS_NOTIFY_BIND_DRIVER:
        sink.driverProbe(stamp(context, event), device(event), UNKNOWN);
        break;
      case BUS_NOTIFY_DRIVER_NOT_BOUND:
        // really_probe() says so before it releases what devres manages (drivers/base/dd.c).
        seen.hasDriverLifecycle = true;
        sink.driverCleanup(stamp(context, event), device(event));
        break;
      case BUS_NOTIFY_UNBOUND_DRIVER:
        seen.hasDriverLifecycle = true;
        seen.hasUnbindEnd = true;
        sink.driverUnbound(stamp(context, event), device(event));
        break;
    }
  };
}

/** `page_pool_create_percpu()` returns the pool; its parameters begin with what the device is found by. */
function bindPoolCreate(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['device', 'pool', 'result'], []);
  const poolField = fields?.pool ?? fields?.result;
  if (!poolField || !isReturnProbe(format)) return undefined;
  const device = fields?.device ? deviceReader(context, fields.device) : () => UNKNOWN;
  const returned = pointerReader(poolField);
  return event => {
    returned(event);
    if (isNullOrError(poolField.size)) return;
    const pool = context.names.pools.id(pointer.high, pointer.low);
    context.seen.hasPoolLifetime = true;
    context.sink.poolCreate(stamp(context, event), pool, device(event));
  };
}

function bindPoolDestroy(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['pool'], ['pool']);
  if (!fields?.pool || isReturnProbe(format)) return undefined;
  const pool = poolReader(context, fields.pool);
  return event => {
    context.seen.hasPoolLifetime = true;
    context.sink.poolDestroy(stamp(context, event), pool(event));
  };
}

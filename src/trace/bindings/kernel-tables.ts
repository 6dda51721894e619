import { UNKNOWN } from '../../kernel/events.ts';
import type { EventFormat } from '../events/event-format.ts';
import { numberReader, pointer, pointerReader } from '../events/field-reader.ts';
import type { EventHandler } from '../events/raw-event.ts';
import { type BindingContext, deviceReader, isNullOrError, stamp } from './context.ts';
import { findProbeFields, isReturnProbe } from './probe-fields.ts';

/**
 * `iommu_sva_bind_device(dev, mm)`, drivers/iommu/iommu-sva.c: the entry or the return names device and process, the
 * return the handle. A second bind of the same two gives the same handle, and is undone by an unbind of its own.
 */
export function bindSvaBind(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['device', 'mm', 'handle', 'result'], []);
  const device = fields?.device ? deviceReader(context, fields.device) : () => UNKNOWN;
  const mm = fields?.mm && pointerReader(fields.mm);
  const { sva, sink } = context;
  const processOf = (event: Parameters<EventHandler>[0]): number => {
    mm?.(event);
    return mm ? sva.processes.id(pointer.high, pointer.low) : UNKNOWN;
  };
  if (!isReturnProbe(format)) {
    return event => {
      sva.entered.set(event.context, { device: device(event), mm: processOf(event) });
    };
  }
  const handleField = fields?.handle ?? fields?.result;
  if (!handleField) return undefined;
  const handle = pointerReader(handleField);
  return event => {
    const entered = sva.entered.get(event.context);
    sva.entered.delete(event.context);
    const binding = {
      device: device(event) || (entered?.device ?? UNKNOWN),
      mm: processOf(event) || (entered?.mm ?? UNKNOWN),
    };
    handle(event);
    if (isNullOrError(handleField.size)) return;
    sva.byHandle.set(sva.handles.id(pointer.high, pointer.low), binding);
    sink.svaBind(stamp(context, event), binding.device, binding.mm);
  };
}

/** `iommu_sva_unbind_device(handle)`; a binding from before the trace began is not known, and not told of. */
export function bindSvaUnbind(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const fields = findProbeFields(format, ['handle'], ['handle']);
  if (!fields?.handle || isReturnProbe(format)) return undefined;
  const handle = pointerReader(fields.handle);
  const { sva, sink } = context;
  return event => {
    handle(event);
    const binding = sva.byHandle.get(sva.handles.id(pointer.high, pointer.low));
    if (binding) sink.svaUnbind(stamp(context, event), binding.device, binding.mm);
  };
}

/**
 * `pagetable_free_kernel(ptdesc)`, mm/pgtable-generic.c: a `struct ptdesc` lies over the `struct page` of the table.
 * Its page number is known only where that of the array is, see {@link KernelAddresses}.
 */
export function bindPagetableFreeKernel(
  format: EventFormat,
  context: BindingContext,
): EventHandler | undefined {
  const fields = findProbeFields(format, ['page'], ['page']);
  if (!fields?.page || isReturnProbe(format)) return undefined;
  const page = pointerReader(fields.page);
  const { addresses, sink, seen } = context;
  return event => {
    page(event);
    const pfn = addresses.pfnOfPage();
    if (pfn < 0) return;
    seen.hasKernelTables = true;
    sink.kernelTableFree(stamp(context, event), pfn);
  };
}

/** `iommu_sva_invalidate_kva_range(start, end)`: where the return alone is recorded, it also stands for the beginning. */
export function bindInvalidateKvaRange(
  format: EventFormat,
  context: BindingContext,
): EventHandler | undefined {
  const fields = findProbeFields(format, ['start', 'end'], []);
  const start = fields?.start ? numberReader(fields.start) : () => 0;
  const end = fields?.end ? numberReader(fields.end) : () => Number.POSITIVE_INFINITY;
  const { sink, invalidating } = context;
  if (!isReturnProbe(format)) {
    return event => {
      invalidating.add(event.context);
      sink.svaInvalidateBegin(stamp(context, event), start(event), end(event));
    };
  }
  return event => {
    const at = stamp(context, event);
    if (!invalidating.delete(event.context)) sink.svaInvalidateBegin(at, start(event), end(event));
    sink.svaInvalidateEnd(at, start(event), end(event));
  };
}

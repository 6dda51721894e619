import type { EventFormat } from '../events/event-format.ts';
import { findField, numberReader } from '../events/field-reader.ts';
import { type EventHandler, withRecipe } from '../events/raw-event.ts';
import { type BindingContext, stamp } from './context.ts';
import { bindIoPageFault } from './kernel-log.ts';

/** `iommu:*`, include/trace/events/iommu.h. They name neither domain nor device nor result. */
export function bindIommuEvent(format: EventFormat, context: BindingContext): EventHandler | undefined {
  switch (format.name) {
    case 'map':
      return bindMap(format, context);
    case 'unmap':
      return bindUnmap(format, context);
    case 'io_page_fault':
      return bindIoPageFault(format, context);
    default:
      return undefined;
  }
}

function bindMap(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const iovaField = findField(format, 'iova');
  const physField = findField(format, 'paddr');
  const sizeField = findField(format, 'size');
  if (!iovaField || !physField || !sizeField) return undefined;
  const iova = numberReader(iovaField);
  const phys = numberReader(physField);
  const size = numberReader(sizeField);
  return withRecipe(
    event => context.calls.mapTracepoint(stamp(context, event), iova(event), phys(event), size(event)),
    { what: 'map', fields: [iovaField, physField, sizeField] },
  );
}

function bindUnmap(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const iovaField = findField(format, 'iova');
  const sizeField = findField(format, 'size');
  const unmappedField = findField(format, 'unmapped_size');
  if (!iovaField || !sizeField || !unmappedField) return undefined;
  const iova = numberReader(iovaField);
  const size = numberReader(sizeField);
  const unmapped = numberReader(unmappedField);
  return withRecipe(
    event => context.calls.unmapTracepoint(stamp(context, event), iova(event), size(event), unmapped(event)),
    { what: 'unmap', fields: [iovaField, sizeField, unmappedField] },
  );
}

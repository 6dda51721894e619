import type { EventFormat } from '../events/event-format.ts';
import { type Extent, extentReader, findField, numberReader, textAt } from '../events/field-reader.ts';
import type { EventHandler } from '../events/raw-event.ts';
import { type BindingContext, deviceReader, stamp } from './context.ts';

/** `printk:console`, include/trace/events/printk.h: each line that the kernel logs. */
export function bindPrintkEvent(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const field = format.name === 'console' ? findField(format, 'msg') : undefined;
  if (!field) return undefined;
  const extent = extentReader(field);
  const place: Extent = { at: 0, bytes: 0 };
  return event => {
    extent(event, place);
    context.loggedFaults.accept(context, stamp(context, event), textAt(event, place));
  };
}

/**
 * `iommu:io_page_fault`, from `report_iommu_fault()`: AMD, SMMUv2 and others, but neither VT-d nor SMMUv3. `flags` is
 * `IOMMU_FAULT_WRITE` (1) or `IOMMU_FAULT_READ` (0), include/linux/iommu.h.
 */
export function bindIoPageFault(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const deviceField = findField(format, 'device');
  const iovaField = findField(format, 'iova');
  const flagsField = findField(format, 'flags');
  if (!deviceField || !iovaField || !flagsField) return undefined;
  const device = deviceReader(context, deviceField);
  const iova = numberReader(iovaField);
  const flags = numberReader(flagsField);
  const { sink, seen } = context;
  return event => {
    seen.hasFaults = true;
    const isWrite = flags(event);
    sink.ioPageFault(
      stamp(context, event),
      device(event),
      iova(event),
      isWrite === 0 || isWrite === 1 ? isWrite : -1,
    );
  };
}

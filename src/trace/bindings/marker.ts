import type { EventFormat } from '../events/event-format.ts';
import { type Extent, extentReader, findField, textAt } from '../events/field-reader.ts';
import type { EventHandler, RawEvent } from '../events/raw-event.ts';
import { type BindingContext, stamp } from './context.ts';

const MARKER = /^(?:tracing_mark_write: )?iommusan: (\w+) (.*)/;

/** More of them than one recording makes; a loop that writes markers costs no more memory than this. */
const NOTES_KEPT = 100;

/**
 * `ftrace:print`, what somebody wrote into `trace_marker`. iommusan's own recordings say there what they have found when
 * they began and what they could not record (`src/record/markers.ts`):
 *
 *     iommusan: bound 0000:00:02.0 e1000e
 *     iommusan: missing dma-api: this kernel has no event for it; ...
 *     iommusan: missed map 17
 *
 * and what was mapped before: see `found-mappings.ts`.
 */
export function bindMarker(format: EventFormat, context: BindingContext): EventHandler | undefined {
  const field = format.name === 'print' ? findField(format, 'buf') : undefined;
  if (!field) return undefined;
  const extent = field.size === 0 ? restReader(field.offset) : extentReader(field);
  const place: Extent = { at: 0, bytes: 0 };
  return event => {
    extent(event, place);
    const [, what, text = ''] = MARKER.exec(textAt(event, place)) ?? [];
    switch (what) {
      case 'bound':
        bound(text, context, event);
        break;
      case 'missing':
        note(context, `Not recorded: ${text}.`);
        break;
      case 'missed':
        missed(text, context, event);
        break;
      case 'state':
        context.foundMappings.state(text, context, event);
        break;
      case 'found':
        context.foundMappings.found(text, context, event);
        break;
    }
  };
}

/** `char buf[]`, of no size, takes the rest of the record. */
function restReader(offset: number): (event: Parameters<EventHandler>[0], into: Extent) => void {
  return (event, into) => {
    into.at = event.payload + Math.min(offset, event.payloadSize);
    into.bytes = Math.max(0, event.payloadSize - offset);
  };
}

function bound(text: string, context: BindingContext, event: Parameters<EventHandler>[0]): void {
  const [, device = '', driver = ''] = /^(\S+) (.+)/.exec(text) ?? [];
  if (driver === '') return;
  const { names, sink } = context;
  sink.driverFound(stamp(context, event), names.devices.id(device), names.drivers.id(driver));
}

/** Said at the end of a recording, of calls that may have been anywhere in it. */
function missed(text: string, context: BindingContext, { cpu }: RawEvent): void {
  const [probe = '', digits = ''] = text.split(' ');
  const count = /^\d{1,15}$/.test(digits) ? Number(digits) : -1;
  context.sink.eventsLost(cpu, count, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  note(
    context,
    `The kernel has missed ${digits} calls at the probe "${probe}": what they did is not in the trace.`,
  );
}

function note({ notes }: BindingContext, text: string): void {
  if (notes.length < NOTES_KEPT) notes.push(text);
}

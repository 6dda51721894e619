import { UNKNOWN } from '../../kernel/events.ts';
import { FRAME_SIZE } from '../../kernel/units.ts';
import type { RawEvent } from '../events/raw-event.ts';
import { type BindingContext, stamp } from './context.ts';

/** The form of `iommusan: found ...` that is read here; a recording says which it has written. */
export const STATE_VERSION = 1;

/** `8d800+3=1017f9`: so many 4 KiB pages from one of IOVA space, and the frame of the first; all hexadecimal. */
const RUN = /^([\da-f]{1,13})\+([\da-f]{1,13})=([\da-f]{1,13})$/;

/**
 * What `iommusan record --initial-state` has written of the mappings that it found (`src/record/initial-state.ts`):
 *
 *     iommusan: state begin 1
 *     iommusan: found 0000:00:02.0 1017f8000 8d800+3=1017f9 8d803+1=20000
 *     iommusan: state end
 *
 * `found` names the device, or `-` where more than one translates through the table, and the table's address.
 */
export class FoundMappings {
  private isReading = false;
  private mappings = 0;
  private readonly tables = new Set<number>();

  /** `begin 1`, `end` */
  state(text: string, context: BindingContext, event: RawEvent): void {
    const [what, version] = text.trim().split(' ');
    if (what === 'begin') this.begin(Number(version), context, event);
    else if (what === 'end' && this.isReading) this.end(context, event);
  }

  /** `DEVICE TABLE RUN...` */
  found(text: string, context: BindingContext, event: RawEvent): void {
    if (!this.isReading) return;
    const [device = '', address = '', ...runs] = text.trim().split(' ');
    if (!/^[\da-f]{1,16}$/.test(address)) return;
    const { names, sink } = context;
    const wide = address.padStart(16, '0');
    const table = names.domains.id(Number.parseInt(wide.slice(0, 8), 16), Number.parseInt(wide.slice(8), 16));
    const deviceId = device === '-' ? UNKNOWN : names.devices.id(device);
    this.tables.add(table);
    for (const run of runs) {
      const [, page = '', pages = '', frame = ''] = RUN.exec(run) ?? [];
      if (frame === '') continue;
      this.mappings++;
      sink.mappingFound(
        stamp(context, event),
        table,
        deviceId,
        Number.parseInt(page, 16) * FRAME_SIZE,
        Number.parseInt(frame, 16) * FRAME_SIZE,
        Number.parseInt(pages, 16) * FRAME_SIZE,
      );
    }
  }

  private begin(version: number, context: BindingContext, event: RawEvent): void {
    if (version !== STATE_VERSION) {
      context.notes.push(
        `The mappings that were there when the recording began are in a form (${version}) that is not known here: they are not believed.`,
      );
      return;
    }
    this.isReading = true;
    context.sink.stateBegin(stamp(context, event));
  }

  private end(context: BindingContext, event: RawEvent): void {
    this.isReading = false;
    context.sink.stateEnd(stamp(context, event));
    const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
    context.notes.push(
      `${count(this.mappings, 'range')} in ${count(this.tables.size, 'page table')} were mapped before the recording began: who mapped what is there is not known.`,
    );
  }
}

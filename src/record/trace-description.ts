import type { TraceDescription } from '../trace/write/description.ts';
import { pageSize, uname } from './system.ts';
import type { Tracefs } from './tracefs.ts';

/** Of a recording the layout of sub-buffers is always known. */
export type RecordedDescription = TraceDescription & { readonly headerPage: string };

/** Events of ftrace itself that any recording may hold: stacks and markers. */
const ALWAYS = ['ftrace:kernel_stack', 'ftrace:print'];

/**
 * What a reader of a recording must know, as far as it is known when it begins.
 *
 * @param instance path of the tracefs instance
 * @param events `SYSTEM:EVENT` of those that are enabled
 */
export function descriptionOf(
  tracefs: Tracefs,
  instance: string,
  events: readonly string[],
): RecordedDescription {
  return {
    pageSize: pageSize(),
    headerPage: tracefs.read(`${instance}/events/header_page`),
    headerEvent: tracefs.read(`${instance}/events/header_event`),
    formats: [...ALWAYS, ...events].map(name => {
      const [system = '', event = ''] = name.split(':');
      return { system, text: tracefs.read(`events/${system}/${event}/format`) };
    }),
    traceClock: tracefs.read(`${instance}/trace_clock`),
    printkFormats: tracefs.read('printk_formats'),
    uname: uname(),
  };
}

import type { EventField, EventFormat } from '../events/event-format.ts';

/** What a field of a probe event means. */
export type Meaning =
  | 'domain'
  | 'iova'
  | 'phys'
  | 'size'
  | 'prot'
  | 'result'
  | 'device'
  | 'driver'
  | 'stage'
  | 'pool'
  | 'start'
  | 'end'
  | 'mm'
  | 'handle'
  | 'page';

/** The names that people give to the arguments of these functions; the kernel's own argument names come first. */
const NAMES: Readonly<Record<Meaning, readonly string[]>> = {
  domain: ['domain', 'dom', 'domain_ptr', 'iommu_domain', 'dma_domain'],
  iova: ['iova', 'addr', 'dma_addr', 'va'],
  phys: ['paddr', 'phys', 'pa', 'phys_addr'],
  size: ['size', 'len', 'length', 'sz'],
  prot: ['prot', 'iommu_prot', 'flags'],
  result: ['ret', 'retval', 'result', 'rc', 'done', 'unmapped'],
  device: ['dev', 'device', 'devname', 'name'],
  driver: ['drv', 'driver'],
  stage: ['event', 'ev', 'value', 'action', 'stage'],
  pool: ['pool', 'page_pool', 'pp'],
  start: ['start', 'gather_start'],
  end: ['end', 'gather_end'],
  mm: ['mm', 'process'],
  handle: ['handle', 'h'],
  page: ['ptdesc', 'pt', 'page', 'table'],
};

/** Fields that every probe event has before its own (Documentation/trace/kprobetrace.rst). */
const PROBE_FIELDS = new Set(['__probe_ip', '__probe_func', '__probe_ret_ip']);

/** `arg1`, `arg2`: what the kernel calls an argument that was not named, by its place in the probe definition. */
const UNNAMED = /^arg(\d+)$/;

/** The fields of a probe event by their meaning. */
export type ProbeFields = Partial<Record<Meaning, EventField>>;

/** The arguments of a probe: its fields without the common ones and the probe's own. */
export function probeArguments(format: EventFormat): EventField[] {
  return format.fields.filter(field => !field.name.startsWith('common_') && !PROBE_FIELDS.has(field.name));
}

/**
 * Finds the fields that a binding needs, by name or, where the probe definition left them unnamed, by their place.
 *
 * @param order meanings of unnamed arguments in the order of the function's parameters
 * @returns `undefined` where one of `needed` is not to be found
 */
export function findProbeFields(
  format: EventFormat,
  order: readonly Meaning[],
  needed: readonly Meaning[],
): ProbeFields | undefined {
  const fields: ProbeFields = {};
  const rest = new Set(probeArguments(format));
  for (const meaning of order) {
    for (const name of NAMES[meaning]) {
      const field = [...rest].find(candidate => candidate.name === name);
      if (!field) continue;
      fields[meaning] = field;
      rest.delete(field);
      break;
    }
  }
  for (const field of rest) {
    const place = Number(UNNAMED.exec(field.name)?.[1] ?? 0);
    const meaning = order[place - 1];
    if (meaning && !fields[meaning]) fields[meaning] = field;
  }
  return needed.every(meaning => fields[meaning]) ? fields : undefined;
}

/** Whether a probe event sits on the return of its function. */
export function isReturnProbe(format: EventFormat): boolean {
  return format.fields.some(field => field.name === '__probe_ret_ip');
}

/** Whether an event comes from a kprobe, an fprobe or a tracepoint probe on a function. */
export function isProbe(format: EventFormat): boolean {
  return format.fields.some(field => field.name === '__probe_ip' || field.name === '__probe_func');
}

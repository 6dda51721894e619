import type { Belief, LifeEvent, LifeRole } from '../findings/life.ts';
import { counted, formatSize } from './words.ts';

const DEEDS: Readonly<Record<Exclude<LifeRole, 'judged'>, string>> = {
  allocated: 'Page allocated',
  freed: 'Page freed',
  mapped: 'Mapped',
  unmapped: 'Unmapped',
  'unmap found nothing': 'Unmap, which found nothing',
  'DMA mapped': 'DMA API mapped',
  'DMA unmapped': 'DMA API unmapped',
  'DMA synced': 'DMA API synchronized',
  'domain freed': 'Domain freed',
  'driver bound': 'Driver bound',
  'driver leaves': 'Driver leaves the device',
  'driver unbound': 'Driver unbound',
  'IOTLB flushed': 'IOTLB flushed',
  fault: 'Fault reported',
  'held by page_pool': 'Page taken into the page_pool',
  'released by page_pool': 'Page returned to the page_pool',
  'page_pool shut down': 'page_pool shut down',
  'page_pool destroyed': 'page_pool destroyed',
  'slab object allocated': 'Slab object allocated',
  'slab object freed': 'Slab object freed',
  'entry cleared': 'Entry of the page table cleared',
  'page table given up': 'Page table given up',
  'SVA invalidation begun': 'SVA invalidation begun',
  'events lost': 'Events lost',
};

/** What happened: `Mapped`. Of an event that only the story tells, the word of the story. */
export function lifeDeed({ role }: Pick<LifeEvent, 'role'>, storyRole: string | undefined): string {
  if (role !== 'judged') return DEEDS[role];
  const word = storyRole ?? 'judged';
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

/** What the event says of itself: `4 KiB at IOVA 0xffff000, to physical address 0x733c000`. Empty where it says no more. */
export function lifeDetail({ role, facts }: Pick<LifeEvent, 'role' | 'facts'>): string {
  const { order, iova, phys, sizeBytes, domain, device, driver, pool, count } = facts;
  if (role === 'events lost') return lossWords(count ?? -1);
  const where = iova === undefined ? '' : `IOVA ${iova}`;
  const size = sizeBytes === undefined ? '' : formatSize(sizeBytes);
  return [
    order === undefined ? '' : `in a block of order ${order}, ${counted(2 ** order, 'page')}`,
    size !== '' && where !== '' ? `${size} at ${where}` : size + where,
    phys === undefined
      ? ''
      : iova === undefined
        ? `at physical address ${phys}`
        : `to physical address ${phys}`,
    domain === undefined ? '' : `domain ${domain}`,
    device === undefined ? '' : `device ${device}`,
    driver === undefined ? '' : `driver ${driver}`,
    pool === undefined ? '' : `page_pool ${pool}`,
    count === undefined ? '' : `${counted(count, 'page')} in flight`,
  ]
    .filter(part => part !== '')
    .join(', ');
}

/** What the shadow believes after an event, as sentences without full stops; of mapping and driver only what is new. */
export function beliefWords(belief: Belief, before: Belief | undefined): string[] {
  const { page, reachedBy, mappedBytes, driver } = belief;
  const words: string[] = [];
  if (page !== undefined)
    words.push(page === 'unknown' ? 'the page has shown no event yet' : `the page is ${page}`);
  if (reachedBy !== undefined) {
    words.push(
      reachedBy === 0
        ? 'no mapping reaches it'
        : `${counted(reachedBy, 'mapping')} ${reachedBy === 1 ? 'reaches' : 'reach'} it`,
    );
  }
  if (mappedBytes !== undefined && mappedBytes !== before?.mappedBytes) {
    words.push(mappedBytes === 0 ? 'the mapping is gone' : `the mapping has ${formatSize(mappedBytes)}`);
  }
  if (driver !== undefined && driver !== before?.driver)
    words.push(driver === 'not seen' ? 'no bind of the driver was seen' : `the driver is ${driver}`);
  return words;
}

function lossWords(count: number): string {
  return count < 0
    ? 'an unknown number: the belief may be out of date'
    : `${counted(count, 'event')}: the belief may be out of date`;
}

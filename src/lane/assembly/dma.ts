import {
  DMA_ADDRESS,
  DMA_ATTRS,
  DMA_BUCKET_MASK,
  DMA_BUCKETS,
  DMA_CAPACITY,
  DMA_DEVICE,
  DMA_DIRECTION,
  DMA_END,
  DMA_FORMER,
  DMA_FORMER_COUNT,
  DMA_FREE,
  DMA_GENERATION,
  DMA_KIND,
  DMA_LARGEST,
  DMA_LARGEST_COUNT,
  DMA_LIST,
  DMA_MADE,
  DMA_NENTS,
  DMA_NEXT,
  DMA_NEXT_LIST,
  DMA_NEXT_SEGMENT,
  DMA_PHYS,
  DMA_RING,
  DMA_SIZE,
  DMA_UNDONE,
} from './board';
import * as event from './event';
import {
  at,
  floatAt,
  intAt,
  isEmpty,
  popId,
  pushId,
  setFloatAt,
  setIntAt,
  setWide,
  setWord,
  toLong,
  wide,
  word,
} from './memory';

// The DMA API's mappings: `DmaEntries`.

/** `REMEMBERED` of `shadow/dma-entries.ts`. */
const REMEMBERED: i32 = 65_536;

const GOLDEN: i32 = -1640531535;

function bucketOf(device: i32, page: u32): i32 {
  const hash = (device * GOLDEN) ^ (page as i32);
  const mixed = hash * GOLDEN;
  return (mixed ^ (mixed >>> 15)) & word(DMA_BUCKET_MASK);
}

function pageOf(address: f64): u32 {
  return (toLong(address) >> 12) as u32;
}

/** Whether an entry more of these bytes can be added for a device. */
export function canAdd(device: i32, address: u64, size: u64): bool {
  if (isEmpty(DMA_FREE) && word(DMA_END) >= word(DMA_CAPACITY)) return false;
  if (device >= word(DMA_LARGEST_COUNT)) return false;
  const span = ((address + max<u64>(size, 1) - 1) >> 12) - (address >> 12);
  return span < (intAt(at(DMA_LARGEST), device) as u64);
}

export function add(
  kind: i32,
  device: i32,
  address: f64,
  size: f64,
  phys: f64,
  direction: i32,
  attrs: i32,
  generation: i32,
  stack: i32,
): void {
  const entry = takeEntry();
  setIntAt(at(DMA_DEVICE), entry, device);
  setFloatAt(at(DMA_ADDRESS), entry, address);
  setFloatAt(at(DMA_SIZE), entry, size);
  setFloatAt(at(DMA_PHYS), entry, phys);
  setIntAt(at(DMA_DIRECTION), entry, direction);
  setIntAt(at(DMA_ATTRS), entry, attrs);
  setIntAt(at(DMA_NENTS), entry, 0);
  setIntAt(at(DMA_GENERATION), entry, generation);
  setIntAt(at(DMA_KIND), entry, kind);
  setIntAt(at(DMA_FORMER), entry, 0);
  setIntAt(at(DMA_LIST), entry, entry);
  setIntAt(at(DMA_NEXT_SEGMENT), entry, 0);
  setIntAt(at(DMA_NEXT_LIST), entry, 0);
  event.writeMoment(at(DMA_MADE) + ((entry as usize) << 5), stack);
  const bucket = bucketOf(device, pageOf(address));
  const buckets = at(DMA_BUCKETS);
  setIntAt(at(DMA_NEXT), entry, withoutFormers(intAt(buckets, bucket), device, address));
  setIntAt(buckets, bucket, entry);
}

/** The live entry that a call undoes just as it was made; 0 where there is none, or a choice. */
export function soleLive(device: i32, address: f64): i32 {
  const next = at(DMA_NEXT);
  let found = 0;
  let entry = intAt(at(DMA_BUCKETS), bucketOf(device, pageOf(address)));
  for (; entry !== 0; entry = intAt(next, entry)) {
    if (floatAt(at(DMA_ADDRESS), entry) !== address || intAt(at(DMA_DEVICE), entry) !== device) continue;
    if (intAt(at(DMA_FORMER), entry) !== 0) continue;
    if (found !== 0) return 0;
    found = entry;
  }
  return found;
}

/** A live entry that is no scatterlist was undone. */
export function undo(entry: i32, stack: i32): void {
  event.writeMoment(at(DMA_UNDONE) + ((entry as usize) << 5), stack);
  const count = wide(DMA_FORMER_COUNT);
  const slot = (toLong(count) as i32) & (REMEMBERED - 1);
  const ring = at(DMA_RING);
  if (count >= (REMEMBERED as f64)) forget(intAt(ring, slot), slot);
  setIntAt(ring, slot, entry);
  setIntAt(at(DMA_FORMER), entry, slot + 1);
  setWide(DMA_FORMER_COUNT, count + 1);
}

function withoutFormers(head: i32, device: i32, address: f64): i32 {
  const next = at(DMA_NEXT);
  let before = 0;
  for (let entry = head; entry !== 0; ) {
    const behind = intAt(next, entry);
    if (
      intAt(at(DMA_FORMER), entry) !== 0 &&
      floatAt(at(DMA_ADDRESS), entry) === address &&
      intAt(at(DMA_DEVICE), entry) === device
    ) {
      if (before === 0) head = behind;
      else setIntAt(next, before, behind);
      setIntAt(at(DMA_FORMER), entry, 0);
      giveBack(entry);
    } else {
      before = entry;
    }
    entry = behind;
  }
  return head;
}

function forget(entry: i32, slot: i32): void {
  if (intAt(at(DMA_FORMER), entry) !== slot + 1) return;
  setIntAt(at(DMA_FORMER), entry, 0);
  const next = at(DMA_NEXT);
  const buckets = at(DMA_BUCKETS);
  const bucket = bucketOf(intAt(at(DMA_DEVICE), entry), pageOf(floatAt(at(DMA_ADDRESS), entry)));
  let before = 0;
  for (let each = intAt(buckets, bucket); each !== 0; each = intAt(next, each)) {
    if (each === entry) {
      if (before === 0) setIntAt(buckets, bucket, intAt(next, entry));
      else setIntAt(next, before, intAt(next, entry));
      break;
    }
    before = each;
  }
  giveBack(entry);
}

function takeEntry(): i32 {
  if (!isEmpty(DMA_FREE)) return popId(DMA_FREE);
  const end = word(DMA_END);
  setWord(DMA_END, end + 1);
  return end;
}

function giveBack(entry: i32): void {
  pushId(DMA_FREE, entry);
}

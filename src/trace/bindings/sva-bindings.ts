import { InternedPointers } from '../names/interned.ts';

/** A binding of a device to the page tables of a process. */
interface SvaBinding {
  device: number;
  mm: number;
}

/** The bindings of SVA, by the handle that the kernel gave for each, and those whose return has not come yet. */
export class SvaBindings {
  readonly entered = new Map<number, SvaBinding>();
  readonly byHandle = new Map<number, SvaBinding>();
  readonly handles = new InternedPointers();
  readonly processes = new InternedPointers();
}

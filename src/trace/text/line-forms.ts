import { isSameForm, type LineForm } from './line-form.ts';

/** Slots by name, forms of a slot, and lines of which a form was sought in vain, at most. */
const SLOTS = 256;
const MOST_FORMS = 16;
const MOST_ATTEMPTS = 64;

/** The forms that the lines of a text have, by the names of their events. */
export class LineForms {
  private readonly slots: LineForm[][] = Array.from({ length: SLOTS }, () => []);
  private readonly attempts = new Uint8Array(SLOTS);

  /** The forms of lines whose name is `[at, end)`, and perhaps of others. Four bytes at `at` are read. */
  of(view: DataView, at: number, end: number): readonly LineForm[] {
    return this.slots[slotOf(view, at, end)] as LineForm[];
  }

  /** Whether another form of lines with this name may be added. */
  wants(view: DataView, at: number, end: number): boolean {
    const slot = slotOf(view, at, end);
    return (
      (this.slots[slot] as LineForm[]).length < MOST_FORMS && (this.attempts[slot] as number) < MOST_ATTEMPTS
    );
  }

  /** Adds the form of lines with this name, or takes note that there is none. */
  add(view: DataView, at: number, end: number, form: LineForm | undefined): void {
    const slot = slotOf(view, at, end);
    const forms = (this.slots[slot] as LineForm[]).filter(({ kind }) => kind?.wider === undefined);
    this.slots[slot] = forms;
    if (form && !forms.some(known => isSameForm(known, form))) forms.push(form);
    else this.attempts[slot] = (this.attempts[slot] as number) + 1;
  }
}

function slotOf(view: DataView, at: number, end: number): number {
  const name = view.getInt32(at, true) ^ ((end - at) << 20) ^ (view.getUint8(end - 1) << 8);
  return Math.imul(name, 0x9e3779b1) >>> 24;
}

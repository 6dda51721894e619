import { PROT_UNKNOWN, UNKNOWN } from '../../kernel/events.ts';
import { type Moment, newMoment } from '../../kernel/moment.ts';
import { type ContextRows, type InRow, PerContext } from '../../kernel/per-context.ts';

/** Numbers of a row, and what they are. Compiled code works on them too. */
const WIDTH = 40;
const LOSSES_CLOSED = 0;
const MAP_OPEN = 1;
const MAP_REPORTED = 2;
const MAP_RETURNED = 3;
const MAP_DOMAIN = 4;
const MAP_IOVA = 5;
const MAP_PHYS = 6;
const MAP_SIZE = 7;
const MAP_PROT = 8;
const MAP_STACK = 9;
const MAP_CPU = 10;
const MAP_ENTRY_NS = 11;
const UNMAP_OPEN = 12;
const UNMAP_ENDED = 13;
const UNMAP_RETURN_DUE = 14;
const UNMAP_DOMAIN = 15;
const UNMAP_IOVA = 16;
const UNMAP_SIZE = 17;
const UNMAP_STACK = 18;
/** A moment is six numbers. */
const UNMAP_ENTRY = 19;
const GATHERED_START = 25;
const GATHERED_END = 26;
const HELD = 27;
const HELD_AT = 28;
const HELD_IOVA = 34;
const HELD_PHYS = 35;
const HELD_SIZE = 36;
const HELD_UNMAPPED = 37;

/** What is held back, by the number that stands for it. */
const HELD_KINDS = ['nothing', 'map', 'unmap'] as const;
export type HeldKind = (typeof HELD_KINDS)[number];

/** What the events of one call have told so far, in one thread of execution. */
export class OpenCalls implements InRow {
  readonly row: number;
  private readonly rows: ContextRows;
  private readonly first: number;
  private readonly entryMoment = newMoment();
  private readonly heldMoment = newMoment();

  constructor(rows: ContextRows, row: number) {
    this.rows = rows;
    this.row = row;
    this.first = row * WIDTH;
  }

  /** Windows of loss that had closed at the last event, see `LossWindows`. */
  get lossesClosed(): number {
    return this.get(LOSSES_CLOSED);
  }
  set lossesClosed(value: number) {
    this.set(LOSSES_CLOSED, value);
  }

  get mapOpen(): boolean {
    return this.get(MAP_OPEN) !== 0;
  }
  set mapOpen(value: boolean) {
    this.set(MAP_OPEN, value ? 1 : 0);
  }

  /** The tracepoint of the open map was seen: the return adds nothing. */
  get mapReported(): boolean {
    return this.get(MAP_REPORTED) !== 0;
  }
  set mapReported(value: boolean) {
    this.set(MAP_REPORTED, value ? 1 : 0);
  }

  /** The return of the last map with an entry was seen: another one is of a function around it. */
  get mapReturned(): boolean {
    return this.get(MAP_RETURNED) !== 0;
  }
  set mapReturned(value: boolean) {
    this.set(MAP_RETURNED, value ? 1 : 0);
  }

  get mapDomain(): number {
    return this.get(MAP_DOMAIN);
  }
  set mapDomain(value: number) {
    this.set(MAP_DOMAIN, value);
  }

  get mapIova(): number {
    return this.get(MAP_IOVA);
  }
  set mapIova(value: number) {
    this.set(MAP_IOVA, value);
  }

  get mapPhys(): number {
    return this.get(MAP_PHYS);
  }
  set mapPhys(value: number) {
    this.set(MAP_PHYS, value);
  }

  get mapSize(): number {
    return this.get(MAP_SIZE);
  }
  set mapSize(value: number) {
    this.set(MAP_SIZE, value);
  }

  get mapProt(): number {
    return this.get(MAP_PROT);
  }
  set mapProt(value: number) {
    this.set(MAP_PROT, value);
  }

  get mapStack(): number {
    return this.get(MAP_STACK);
  }
  set mapStack(value: number) {
    this.set(MAP_STACK, value);
  }

  get mapCpu(): number {
    return this.get(MAP_CPU);
  }
  set mapCpu(value: number) {
    this.set(MAP_CPU, value);
  }

  get mapEntryNs(): number {
    return this.get(MAP_ENTRY_NS);
  }
  set mapEntryNs(value: number) {
    this.set(MAP_ENTRY_NS, value);
  }

  get unmapOpen(): boolean {
    return this.get(UNMAP_OPEN) !== 0;
  }
  set unmapOpen(value: boolean) {
    this.set(UNMAP_OPEN, value ? 1 : 0);
  }

  /** The last unmap with an entry has ended: a return with its arguments is its own, or of a function around it. */
  get unmapEnded(): boolean {
    return this.get(UNMAP_ENDED) !== 0;
  }
  set unmapEnded(value: boolean) {
    this.set(UNMAP_ENDED, value ? 1 : 0);
  }

  /** The return of the last unmap with an entry was not seen yet, whatever the tracepoint has told. */
  get unmapReturnDue(): boolean {
    return this.get(UNMAP_RETURN_DUE) !== 0;
  }
  set unmapReturnDue(value: boolean) {
    this.set(UNMAP_RETURN_DUE, value ? 1 : 0);
  }

  get unmapDomain(): number {
    return this.get(UNMAP_DOMAIN);
  }
  set unmapDomain(value: number) {
    this.set(UNMAP_DOMAIN, value);
  }

  get unmapIova(): number {
    return this.get(UNMAP_IOVA);
  }
  set unmapIova(value: number) {
    this.set(UNMAP_IOVA, value);
  }

  get unmapSize(): number {
    return this.get(UNMAP_SIZE);
  }
  set unmapSize(value: number) {
    this.set(UNMAP_SIZE, value);
  }

  get unmapStack(): number {
    return this.get(UNMAP_STACK);
  }
  set unmapStack(value: number) {
    this.set(UNMAP_STACK, value);
  }

  /** When the open unmap was entered: the same object each time. */
  get unmapEntry(): Moment {
    return this.momentAt(UNMAP_ENTRY, this.entryMoment);
  }
  set unmapEntry(at: Readonly<Moment>) {
    this.setMoment(UNMAP_ENTRY, at);
  }

  /** What was unmapped since the last sync, as one range. */
  get gathered(): { readonly start: number; readonly end: number } {
    return { start: this.get(GATHERED_START), end: this.get(GATHERED_END) };
  }

  gather(iova: number, size: number): void {
    if (iova < this.get(GATHERED_START)) this.set(GATHERED_START, iova);
    if (iova + size > this.get(GATHERED_END)) this.set(GATHERED_END, iova + size);
  }

  forgetGathered(): void {
    this.set(GATHERED_START, Number.POSITIVE_INFINITY);
    this.set(GATHERED_END, 0);
  }

  /** A tracepoint that waits for the return probe which names its domain. */
  get held(): HeldKind {
    return HELD_KINDS[this.get(HELD)] as HeldKind;
  }

  hold(what: HeldKind, at: Moment, iova: number, phys: number, size: number, unmapped: number): void {
    this.set(HELD, HELD_KINDS.indexOf(what));
    this.setMoment(HELD_AT, at);
    this.set(HELD_IOVA, iova);
    this.set(HELD_PHYS, phys);
    this.set(HELD_SIZE, size);
    this.set(HELD_UNMAPPED, unmapped);
  }

  release(): void {
    this.set(HELD, 0);
  }

  /** The moment of what is held: the same object each time. */
  get heldAt(): Moment {
    return this.momentAt(HELD_AT, this.heldMoment);
  }
  get heldIova(): number {
    return this.get(HELD_IOVA);
  }
  get heldPhys(): number {
    return this.get(HELD_PHYS);
  }
  get heldSize(): number {
    return this.get(HELD_SIZE);
  }
  get heldUnmapped(): number {
    return this.get(HELD_UNMAPPED);
  }

  reset(): void {
    this.rows.wides.fill(0, this.first, this.first + WIDTH);
    this.set(MAP_DOMAIN, UNKNOWN);
    this.set(MAP_PROT, PROT_UNKNOWN);
    this.set(UNMAP_DOMAIN, UNKNOWN);
    this.forgetGathered();
  }

  /** Whether the thread is in no call. A map that was reported is over, but for a return that adds nothing. */
  isIdle(): boolean {
    return (!this.mapOpen || this.mapReported) && !this.unmapOpen && this.get(HELD) === 0;
  }

  private get(field: number): number {
    return this.rows.wides[this.first + field] as number;
  }

  private set(field: number, value: number): void {
    this.rows.wides[this.first + field] = value;
  }

  private setMoment(field: number, at: Readonly<Moment>): void {
    const { wides } = this.rows;
    const first = this.first + field;
    wides[first] = at.timeNs;
    wides[first + 1] = at.cpu;
    wides[first + 2] = at.pid;
    wides[first + 3] = at.context;
    wides[first + 4] = at.stack;
    wides[first + 5] = at.position;
  }

  private momentAt(field: number, moment: Moment): Moment {
    const { wides } = this.rows;
    const first = this.first + field;
    moment.timeNs = wides[first] as number;
    moment.cpu = wides[first + 1] as number;
    moment.pid = wides[first + 2] as number;
    moment.context = wides[first + 3] as number;
    moment.stack = wides[first + 4] as number;
    moment.position = wides[first + 5] as number;
    return moment;
  }
}

export function openCallsByContext(): PerContext<OpenCalls> {
  return new PerContext(WIDTH, (rows, row) => new OpenCalls(rows, row));
}

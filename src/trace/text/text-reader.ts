import { executionContext } from '../../kernel/moment.ts';
import { latin1 } from '../file/latin1.ts';
import type { LearntSymbols } from '../names/learnt-symbols.ts';
import type { BatchWriter } from './batch-writer.ts';
import type { EventKind } from './event-kind.ts';
import type { EventKinds } from './event-kinds.ts';
import { type LineHeader, newLineHeader, scanLineHeader, type TimeStyle } from './line-header.ts';
import { newlineIn, textEnd } from './line-splitter.ts';
import { scanLossMark, scanPerfLoss } from './loss-mark.ts';
import {
  CLOSE,
  COLON,
  EQUALS,
  find,
  GREATER,
  HASH,
  LESS,
  OPEN,
  OPEN_SQUARE,
  SPACE,
  scanHex,
  skipSpaces,
  startsWith,
  TAB,
  wide,
} from './scan.ts';
import type { TextPositions } from './text-positions.ts';
import { TextTally } from './text-tally.ts';

/** What trace-cmd report says before and between events: `cpus=2`, `version = 7`, `CPU 1 is empty`. */
const KNOWN_LINES = ['cpus=', 'version = ', 'CPU '];

/** `# entries-in-buffer/entries-written: 1024/3000   #P:2` */
const ENTRIES = /^#\s*entries-in-buffer\/entries-written:\s*(\d+)\/(\d+)/;

/** What is printed for the name of a task that the kernel did not keep. */
const NO_NAME = '<...>';

/** The upper half of kernel addresses has its first bit set, on kernels of 64 bits. */
const KERNEL_HIGH = 0x8000_0000;

/** What the lines that follow may belong to, where that is not the stack of an event, by its number. */
export const NO_STACK = -1;
/** The stack of an event that is not known, or of none. */
export const NOBODY = -2;

/** Reads the lines of a text, whichever of the forms it has, and writes its events as records. */
export class TextReader {
  readonly tally = new TextTally();
  readonly commandNames: Map<number, string>;
  readonly timeStyles = new Set<TimeStyle>();
  /** Stacks that were not taken because only their beginning is printed. */
  cutStacks = 0;
  /** Lines that were not understood, and the first of them, from 1, with its offset. */
  strange = 0;
  firstStrange = 0;
  firstStrangeOffset = 0;
  /** Events that the kernel had overwritten before the text was written. */
  overwritten = 0;
  isPerf = false;
  isTraceCmd = false;
  showsContext = false;
  /** What the line that was read last began with, and its event; `undefined` where it is none. */
  readonly header: LineHeader = newLineHeader();
  kindRead: EventKind | undefined;
  bodyAt = 0;
  /** Whether it was the first line of a stack whose frames are lines of their own. */
  titleRead = false;
  /** Whose stack the lines that follow may be: that of an event, {@link NOBODY} or {@link NO_STACK}. */
  stackOf = NO_STACK;
  lastPid = -1;

  private readonly kinds: EventKinds;
  private readonly symbols: LearntSymbols;
  private readonly positions: TextPositions;
  private readonly batch: BatchWriter;
  private readonly otherHeader = newLineHeader();

  constructor(
    kinds: EventKinds,
    symbols: LearntSymbols,
    positions: TextPositions,
    commandNames: Map<number, string>,
    batch: BatchWriter,
  ) {
    this.kinds = kinds;
    this.symbols = symbols;
    this.positions = positions;
    this.commandNames = commandNames;
    this.batch = batch;
  }

  /** Takes the whole lines `[start, end)`, of which byte 0 of `bytes` stands at `offset` of the text. */
  lines(bytes: Uint8Array, start: number, end: number, offset: number): void {
    for (let at = start; at < end; ) {
      const stop = newlineIn(bytes, at, end);
      this.line(bytes, at, textEnd(bytes, at, stop), offset + at);
      at = stop + 1;
    }
  }

  /** Takes the line `[start, end)`, which stands at byte `offset` of the text. */
  line(bytes: Uint8Array, start: number, end: number, offset: number): void {
    const before = this.tally.lines++;
    this.kindRead = undefined;
    this.titleRead = false;
    if (start === end) {
      this.stackOf = NO_STACK;
      return;
    }
    if (this.stackOf !== NO_STACK) {
      if (this.frame(bytes, start, end)) return;
      this.stackOf = NO_STACK;
    }
    if (bytes[start] === HASH) {
      this.comment(bytes, start, end);
      return;
    }
    const { header } = this;
    if (!scanLineHeader(bytes, start, end, header)) {
      if (!scanLossMark(bytes, start, end) && !this.isKnownLine(bytes, start, end))
        this.notUnderstood(offset);
      return;
    }
    this.timeStyles.add(header.timeStyle);
    if (header.isPerf) this.isPerf = true;
    if (header.showsContext) this.showsContext = true;
    if (scanPerfLoss(bytes, header.rest, end, header.cpu)) return;
    if (this.beginsStack(bytes, header.rest, end)) {
      this.tally.count(header.cpu, header.timeNs, end - start + 1);
      return;
    }
    this.event(bytes, start, end, this.positions.of(offset, before));
  }

  private event(bytes: Uint8Array, start: number, end: number, position: number): void {
    const { header } = this;
    const nameAt = header.rest;
    let nameEnd = nameAt;
    // The name ends at a colon that is followed by a space; perf has one more between system and event.
    while (nameEnd < end && !endsName(bytes, nameEnd, end)) nameEnd++;
    const hasName = nameEnd < end && bytes[nameEnd] === COLON;
    const body = hasName ? Math.min(skipSpaces(bytes, nameEnd + 1, end), end) : nameAt;
    let kind = this.kinds.of(bytes, nameAt, hasName ? nameEnd : nameAt, body, end);
    const { batch } = this;
    const { cpu, pid, timeNs, flags } = header;
    if (!kind.encode(bytes, body, end, flags, pid, batch) && !kind.isFixed) {
      kind = this.kinds.widened(kind, latin1(bytes.subarray(body, end)));
      kind.encode(bytes, body, end, flags, pid, batch);
    }
    this.kindRead = kind;
    this.bodyAt = body;
    if (pid !== this.lastPid) this.noteTask(bytes);
    this.tally.count(cpu, timeNs, end - start + 1);
    const number = batch.push(cpu, timeNs, position, kind.recordSize);
    if (header.isPerf) this.stackOf = number;
  }

  /** Whether nothing more can be learnt of the name of the task in the header that was read last. */
  isTaskKnown(bytes: Uint8Array): boolean {
    const { pid, commStart, commEnd } = this.header;
    return this.commandNames.has(pid) || latin1(bytes.subarray(commStart, commEnd)) === NO_NAME;
  }

  private noteTask(bytes: Uint8Array): void {
    const { pid, commStart, commEnd } = this.header;
    this.lastPid = pid;
    if (this.commandNames.has(pid)) return;
    const name = latin1(bytes.subarray(commStart, commEnd));
    if (name !== NO_NAME) this.commandNames.set(pid, name);
  }

  /** `<stack trace>` of tracefs, `kernel_stack: <stack trace >` of trace-cmd, and `kernel_stack: size=8 caller=ARRAY[...]`. */
  private beginsStack(bytes: Uint8Array, at: number, end: number): boolean {
    if (startsWith(bytes, at, end, '<user stack') || startsWith(bytes, at, end, 'user_stack:')) {
      this.stackOf = NOBODY;
      return true;
    }
    const isRecord = startsWith(bytes, at, end, 'kernel_stack:');
    if (!isRecord && !startsWith(bytes, at, end, '<stack trace')) return false;
    const { cpu, pid, flags } = this.header;
    this.stackOf = this.ownerOfStack(cpu, pid, flags);
    this.titleRead = find(bytes, OPEN_SQUARE, at, end) === end;
    if (isRecord && this.stackOf !== NOBODY) this.rawFrames(bytes, at, end, this.stackOf);
    return true;
  }

  /** The event that a stack with this header belongs to: the last one of the same thread of execution on this CPU. */
  ownerOfStack(cpu: number, pid: number, flags: number): number {
    const { batch } = this;
    const number = batch.lastOf(cpu);
    if (number < 0 || batch.stackSizeOf(number) > 0) return NOBODY;
    const entry = batch.entryOf(number);
    const itsFlags = (batch.words[entry] as number) >>> 16;
    const itsPid = (batch.words[entry + 1] as number) | 0;
    return executionContext(itsPid, cpu, itsFlags) === executionContext(pid, cpu, flags) ? number : NOBODY;
  }

  /**
   * The bytes of the addresses, in the order of the recorded machine: kernel addresses begin with ones. trace-cmd prints
   * the first eight of them, whatever `size` says; the beginning of a stack would be taken for that of many others.
   */
  private rawFrames(bytes: Uint8Array, at: number, end: number, event: number): void {
    const { batch } = this;
    const open = find(bytes, OPEN_SQUARE, at, end);
    if (open === end) return;
    let position = open + 1;
    scanHex(bytes, find(bytes, EQUALS, at, open) + 1, open);
    const frames = wide.low;
    const word = new Uint8Array(8);
    const view = new DataView(word.buffer);
    while (position < end) {
      let i = 0;
      for (; i < 8; i++) {
        const next = scanHex(bytes, position, end);
        if (next === position) break;
        word[i] = wide.low;
        position = skipSpaces(bytes, next + 1, end);
      }
      if (i < 8) break;
      const little = word[7] !== 0 || word[0] !== 0xff;
      batch.addFrame(event, view.getUint32(little ? 4 : 0, little), view.getUint32(little ? 0 : 4, little));
    }
    if (batch.stackSizeOf(event) < frames * 8) {
      batch.dropStack(event);
      this.cutStacks++;
    }
    this.stackOf = NO_STACK;
  }

  /** A line of a stack: ` => function+0x1f/0x70 [module] <address>`, `=> function (address)`, `address function+0x1f (place)`. */
  private frame(bytes: Uint8Array, start: number, end: number): boolean {
    const at = skipSpaces(bytes, start, end);
    if (bytes[at] === EQUALS && bytes[at + 1] === GREATER) {
      this.ftraceFrame(bytes, skipSpaces(bytes, at + 2, end), end);
      return true;
    }
    if (at === start || !this.header.isPerf) return false;
    const addressEnd = scanHex(bytes, at, end);
    if (addressEnd - at < 1 || bytes[addressEnd] !== SPACE) return false;
    // perf begins a frame with a tab. The name of a task may look like an address too, as that of dd does.
    if (bytes[start] !== TAB && scanLineHeader(bytes, start, end, this.otherHeader)) return false;
    scanHex(bytes, at, end);
    // Frames of user space follow those of the kernel.
    if (wide.high >= KERNEL_HIGH) this.addFrame(wide.high, wide.low, bytes, addressEnd + 1, end);
    return true;
  }

  private ftraceFrame(bytes: Uint8Array, at: number, end: number): void {
    while (end > at && (bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--;
    const last = bytes[end - 1];
    const opening = last === GREATER ? LESS : last === CLOSE ? OPEN : 0;
    let open = end - 1;
    if (opening !== 0) {
      while (open > at && bytes[open] !== opening) open--;
      if (scanHex(bytes, open + 1, end - 1) === end - 1 && open > at) {
        this.addFrame(wide.high, wide.low, bytes, at, open);
        return;
      }
    }
    const { stackOf, batch, symbols } = this;
    if (stackOf < 0) return;
    if (scanHex(bytes, at, end) === end) batch.addFrame(stackOf, wide.high, wide.low);
    else batch.addFrame(stackOf, symbols.nameOnlyHigh, symbols.lowOf(bytes, at, end));
  }

  private addFrame(high: number, low: number, bytes: Uint8Array, at: number, end: number): void {
    if (this.stackOf < 0) return;
    if (!this.symbols.isKnown(high, low))
      this.symbols.learn(high, low, latin1(bytes.subarray(at, end)).trim());
    this.batch.addFrame(this.stackOf, high, low);
  }

  private comment(bytes: Uint8Array, start: number, end: number): void {
    const match = ENTRIES.exec(latin1(bytes.subarray(start, Math.min(end, start + 200))));
    if (match) this.overwritten += Math.max(0, Number(match[2]) - Number(match[1]));
  }

  private isKnownLine(bytes: Uint8Array, start: number, end: number): boolean {
    if (startsWith(bytes, start, end, 'cpus=')) this.isTraceCmd = true;
    return KNOWN_LINES.some(known => startsWith(bytes, start, end, known));
  }

  private notUnderstood(offset: number): void {
    this.strange++;
    if (this.strange > 1) return;
    this.firstStrange = this.tally.lines;
    this.firstStrangeOffset = offset;
  }
}

/** A colon before a space ends the name of an event, and a space what is none, such as a line of the function tracer. */
function endsName(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at] === SPACE) return true;
  return bytes[at] === COLON && (at + 1 === end || bytes[at + 1] === SPACE);
}

import * as b from './assembly/board.ts';
import { compiledCode } from './code.ts';
import { LaneMemory } from './memory.ts';
import { Instance, Module } from './webassembly.ts';

/** What the compiled code has for its host, see `assembly/index.ts`. */
interface Exports {
  board(): number;
  end(): number;
  begin(cursor: number): number;
  accept(cursor: number, set: number, count: number): void;
  run(most: number): number;
  runBatch(): number;
  learnDevice(text: number, length: number, id: number): number;
  setGib(domain: number, gib: number, slot: number): void;
}

let compiled: object | undefined;

/** The code of `assembly/index.ts`. */
function ownCode(): object {
  compiled ??= new Module(compiledCode());
  return compiled;
}

/** The compiled code at work, with its memory and the board on which it and the host leave numbers for each other. */
export class Lane {
  readonly memory = new LaneMemory();
  readonly code: Exports;
  /** The whole memory as words, as long as it was at the beginning: the board and what is given out early lie in it. */
  private readonly ints: Int32Array;
  private readonly floats: Float64Array;

  /** @param code a module with the same board */
  constructor(code: object = ownCode()) {
    const { memory } = this.memory;
    const instance = new Instance(code, { env: { memory } });
    this.code = instance.exports as unknown as Exports;
    const board = this.code.board();
    this.ints = new Int32Array(memory.buffer, board, b.SLOTS * 2);
    this.floats = new Float64Array(memory.buffer, board, b.SLOTS);
    this.memory.start(Math.ceil(this.code.end() / 64) * 64);
  }

  /** A number of the board that is an integer. */
  int(slot: number): number {
    return this.ints[slot * 2] as number;
  }

  setInt(slot: number, value: number): void {
    this.ints[slot * 2] = value;
  }

  /** A number of the board that is an address, or another one of 32 bits without a sign. */
  address(slot: number): number {
    return (this.ints[slot * 2] as number) >>> 0;
  }

  float(slot: number): number {
    return this.floats[slot] as number;
  }

  setFloat(slot: number, value: number): void {
    this.floats[slot] = value;
  }

  /** Says where a column lies. */
  setColumn(slot: number, column: Int32Array | Float64Array): void {
    this.ints[slot * 2] = column.byteOffset;
  }
}

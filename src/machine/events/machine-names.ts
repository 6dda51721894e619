import type { EventLocation, SourceNames, StackFrame } from '../../kernel/source.ts';
import { StackTree } from './stack-tree.ts';

/** Names as small integers from 1 on. */
export class NameList {
  private readonly names: string[] = [''];
  private readonly ids = new Map<string, number>();

  id(name: string): number {
    const known = this.ids.get(name);
    if (known !== undefined) return known;
    const id = this.names.push(name) - 1;
    this.ids.set(name, id);
    return id;
  }

  /** `undefined` for 0 and for numbers that were never given out. */
  name(id: number): string | undefined {
    return id === 0 ? undefined : this.names[id];
  }

  get count(): number {
    return this.names.length - 1;
  }
}

/**
 * Kernel address of the object with this number, so that domains and pools look as in a recording. The first 32 bits
 * are those of the direct map of x86-64.
 */
export function kernelAddressLow(id: number): number {
  return 0x0100_0000 + id * 0x400;
}

/** First 32 bits of a kernel address that {@link kernelAddressLow} ends. */
export const DIRECT_MAP_HIGH = 0xff110000;

function kernelAddress(id: number): string {
  return `0x${DIRECT_MAP_HIGH.toString(16)}${kernelAddressLow(id).toString(16).padStart(8, '0')}`;
}

/** Everything of the machine that has a name. */
export class MachineNames implements SourceNames {
  readonly devices = new NameList();
  readonly drivers = new NameList();
  /** Domains and pools have the names that the program gave them, for its own story. */
  readonly domains = new NameList();
  readonly pools = new NameList();
  readonly stacks = new StackTree();
  readonly tasks = new Map<number, string>();

  device(id: number): string | undefined {
    return this.devices.name(id);
  }

  driver(id: number): string | undefined {
    return this.drivers.name(id);
  }

  domain(id: number): string | undefined {
    return id === 0 ? undefined : kernelAddress(id);
  }

  pool(id: number): string | undefined {
    return id === 0 ? undefined : kernelAddress(0x8000 + id);
  }

  task(pid: number): string {
    return pid === 0 ? '<idle>' : (this.tasks.get(pid) ?? '<...>');
  }

  stack(id: number): readonly StackFrame[] {
    return this.stacks.frames(id);
  }

  /** The number of the event since the machine was switched on. */
  locate(position: number): EventLocation {
    return { file: 'the simulated machine', offset: position };
  }
}

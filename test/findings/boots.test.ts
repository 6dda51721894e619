import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../src/check-trace.ts';
import type { Finding } from '../../src/findings/finding.ts';
import type { KernelEvents } from '../../src/kernel/events.ts';
import type { Moment } from '../../src/kernel/moment.ts';
import type { SourceNames, StackFrame } from '../../src/kernel/source.ts';
import { TraceSource } from '../../src/trace/trace-source.ts';
import { KernelRecorder } from '../../src/trace/write/kernel-recorder.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { fixture } from '../helpers/traces.ts';

const files = temporaryFiles();

/** What another boot of a kernel changes: where it and its modules are, where memory is, who runs, and when. */
interface Boot {
  readonly kernel: bigint;
  readonly modules: bigint;
  readonly memory: bigint;
  readonly pids: number;
  readonly timeNs: number;
}

const BOOTS: readonly Boot[] = [
  { kernel: 0x1a0_0000n, modules: 0x35_6000n, memory: 0x24_4000_0000n, pids: 1111, timeNs: 3_600e9 },
  { kernel: -0x40_0000n, modules: 0x9_1000n, memory: -0x4000_0000n, pids: 7, timeNs: 12_345 },
];

/** Writes a recording as it would be if everything had happened in another boot of the same kernel. */
async function rebooted(path: string, boot: Boot): Promise<string> {
  const to = files.path('rebooted.dat');
  const source = await TraceSource.open(path);
  const recorder = await KernelRecorder.create(to, namesIn(source.names, boot), { pageSize: 4096 });
  source.run(eventsIn(recorder.events, boot));
  recorder.finish(source.capabilities);
  source.close();
  return to;
}

/** Code of modules lies above that of the kernel (MODULES_VADDR, arch/x86/include/asm/pgtable_64_types.h). */
const MODULES = 0xffff_ffff_a000_0000n;

function namesIn(names: SourceNames, { kernel, modules, memory, pids }: Boot): SourceNames {
  const moved = (pointer: string | undefined): string | undefined =>
    pointer && `0x${(BigInt(pointer) + memory).toString(16)}`;
  const frame = ({ address, ...rest }: StackFrame): StackFrame => {
    if (address === undefined) return rest;
    const isModule = rest.module !== undefined || (rest.symbol === undefined && BigInt(address) >= MODULES);
    return { ...rest, address: `0x${(BigInt(address) + (isModule ? modules : kernel)).toString(16)}` };
  };
  return {
    device: id => names.device(id),
    driver: id => names.driver(id),
    domain: id => moved(names.domain(id)),
    pool: id => moved(names.pool(id)),
    task: pid => names.task(pid === 0 ? 0 : pid - pids),
    stack: id => names.stack(id).map(frame),
    locate: () => undefined,
  };
}

function eventsIn(events: KernelEvents, { pids, timeNs }: Boot): KernelEvents {
  const moment = (at: Moment): Moment => ({
    ...at,
    timeNs: at.timeNs + timeNs,
    pid: at.pid === 0 ? 0 : at.pid + pids,
    context: at.context > 0 ? at.context + pids : at.context,
  });
  return Object.fromEntries(
    Object.entries(events).map(([name, method]) => [
      name,
      (first: unknown, ...rest: unknown[]) =>
        (method as (...values: unknown[]) => void)(
          typeof first === 'object' ? moment(first as Moment) : first,
          ...rest,
        ),
    ]),
  ) as unknown as KernelEvents;
}

const facts = (findings: readonly Finding[]) =>
  findings.map(({ rule, driver, signature, count, pages }) => ({ rule, driver, signature, count, pages }));

describe('another boot of the same kernel', () => {
  it.each([
    'sanitizer-kernel/uaf',
    'sanitizer-kernel/wrong_size',
    'sanitizer-kernel/leak_unbind',
    'sanitizer-kernel/dom_over_unmap',
    'sanitizer-kernel/pp_leak',
    'sanitizer-kernel/fuzz-1',
    'stock-kernel/fault',
  ])('gives the findings of %s the same signatures', async name => {
    const path = fixture(`${name}.dat`);
    const { findings } = await checkTrace(path);
    expect(findings.length).toBeGreaterThan(0);
    for (const boot of BOOTS) {
      const again = await checkTrace(await rebooted(path, boot));
      expect(facts(again.findings)).toEqual(facts(findings));
      // It is another one: nothing stands where it stood.
      const [first] = again.findings;
      expect(first?.firstNs).not.toBe(findings[0]?.firstNs);
    }
  });
});

describe('another kernel', () => {
  it.each(['uaf'])('gives the same mistake the same rule and driver: %s', async name => {
    const [debug, stock] = await Promise.all([
      checkTrace(fixture(`sanitizer-kernel/${name}.dat`)),
      checkTrace(fixture(`stock-kernel/${name}.dat`)),
    ]);
    const who = (findings: readonly Finding[]) => findings.map(({ rule, driver }) => ({ rule, driver }));
    expect(who(stock.findings)).toEqual(who(debug.findings));
  });
});

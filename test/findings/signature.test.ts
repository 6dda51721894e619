import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kernelFrames, signatureOf } from '../../src/findings/index.ts';
import type { StackFrame } from '../../src/kernel/source.ts';

/** `dma_map_page_attrs`, `e1000_open[e1000e]`: a frame at an address of its own. */
function frame(text: string, address = 0xffffffff81000000n): StackFrame {
  const [, symbol = text, module] = /^([^[]*)(?:\[(.*)\])?$/.exec(text) ?? [];
  const where = { address: `0x${address.toString(16)}`, offset: Number(address & 0xffn) };
  return { ...where, symbol, ...(module === undefined ? {} : { module }) };
}

function stack(...frames: string[]): StackFrame[] {
  return frames.map(text => frame(text));
}

/** FNV-1a by its definition: http://www.isthe.com/chongo/tech/comp/fnv/ */
function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}

const FREED = stack('__free_pages', 'page_frag_free', 'e1000_clean_rx[e1000e]', 'e1000_poll[e1000e]');
const MAPPED = stack('iommu_map', 'dma_map_page_attrs', 'e1000_alloc_rx[e1000e]');

describe('a signature', () => {
  it('is the same in every boot and version of iommusan: baselines and suppressions hold it', () => {
    expect(signatureOf('free-while-mapped', 'e1000e', [FREED, MAPPED])).toBe('00ab7eee0dd3ea2d');
  });

  it('does not depend on addresses, offsets and sizes of functions', () => {
    const moved = FREED.map(({ address: _address, offset: _offset, ...rest }, i) => ({
      ...rest,
      address: `0xffffffffc0${i}00000`,
      offset: 7 * i,
      size: 4096,
    }));
    expect(signatureOf('r', 'd', [moved])).toBe(signatureOf('r', 'd', [FREED]));
  });

  it('tells rules and drivers apart', () => {
    const all = [
      signatureOf('free-while-mapped', 'e1000e', [FREED]),
      signatureOf('alloc-while-mapped', 'e1000e', [FREED]),
      signatureOf('free-while-mapped', 'nvme', [FREED]),
      signatureOf('free-while-mapped', undefined, [FREED]),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('tells the order of the stacks: who freed and who mapped are not the same', () => {
    expect(signatureOf('r', 'd', [FREED, MAPPED])).not.toBe(signatureOf('r', 'd', [MAPPED, FREED]));
  });

  it('tells a missing stack from one that is there', () => {
    expect(signatureOf('r', 'd', [FREED, []])).not.toBe(signatureOf('r', 'd', [[], FREED]));
  });

  it('tells the way to a function by its four innermost frames, and no more', () => {
    const [first, second, third, fourth] = ['a', 'b', 'c', 'd'];
    const base = stack(first, second, third, fourth);
    expect(signatureOf('r', 'd', [[...base, frame('syscall')]])).toBe(signatureOf('r', 'd', [base]));
    expect(signatureOf('r', 'd', [stack(first, second, third, 'other')])).not.toBe(
      signatureOf('r', 'd', [base]),
    );
  });

  it('tells functions of the same name in two modules apart', () => {
    expect(signatureOf('r', 'd', [stack('probe[a]')])).not.toBe(signatureOf('r', 'd', [stack('probe[b]')]));
  });

  it('does not depend on the frames that the recording itself adds on top', () => {
    const tops = [
      'trace_event_raw_event_mm_page_free',
      '__traceiter_map',
      'fprobe_handler',
      'kprobe_ftrace_handler',
    ];
    for (const top of tops) {
      expect(signatureOf('r', 'd', [[frame(top), ...FREED]])).toBe(signatureOf('r', 'd', [FREED]));
    }
    expect(signatureOf('r', 'd', [[...stack(...tops), ...FREED]])).toBe(signatureOf('r', 'd', [FREED]));
  });

  it('counts a frame without a symbol: another kernel may name it, this one is the same each time', () => {
    const nameless: StackFrame = { address: '0xffffffffc0001234' };
    const elsewhere: StackFrame = { address: '0xffffffffc0009999' };
    expect(signatureOf('r', 'd', [[nameless, ...FREED]])).toBe(
      signatureOf('r', 'd', [[elsewhere, ...FREED]]),
    );
    expect(signatureOf('r', 'd', [[nameless, ...FREED]])).not.toBe(signatureOf('r', 'd', [FREED]));
  });
});

describe('two mistakes of one driver', () => {
  const API = ['iommu_map', '__iommu_dma_map', 'iommu_dma_map_phys', 'dma_map_phys', 'dma_map_page_attrs'];

  it('are two bugs, however long the way through the DMA API is', () => {
    const receive = stack(...API, 'e1000_alloc_rx[e1000e]');
    const send = stack(...API, 'e1000_xmit[e1000e]');
    expect(signatureOf('unbind-leak', 'e1000e', [receive])).not.toBe(
      signatureOf('unbind-leak', 'e1000e', [send]),
    );
  });

  it('are the same where another kernel goes another way through it', () => {
    const old = stack('__iommu_map', 'iommu_map', 'iommu_dma_map_page', 'e1000_alloc_rx[e1000e]');
    const now = stack('iommu_map_nosync', ...API, 'e1000_alloc_rx[e1000e]');
    expect(signatureOf('r', 'd', [old])).toBe(signatureOf('r', 'd', [now]));
  });

  it('are told by the API alone where the stack has nothing else', () => {
    expect(signatureOf('r', 'd', [stack('dma_map_phys')])).not.toBe(
      signatureOf('r', 'd', [stack('dma_unmap_phys')]),
    );
  });
});

describe('the hash of a signature', () => {
  it.each([
    ['', 'cbf29ce484222325'],
    ['a', 'af63dc4c8601ec8c'],
    ['foobar', '85944171f73967e8'],
  ])('is compared with FNV-1a by its definition, which gives the published value for %j', (text, hash) => {
    expect(fnv1a64(text)).toBe(hash);
  });

  it('is FNV-1a, 64 bits, of rule, driver and frames', () => {
    const word = fc.string({ unit: 'grapheme-ascii', maxLength: 12 });
    fc.assert(
      fc.property(
        word,
        word,
        fc.array(fc.array(word, { maxLength: 4 }), { maxLength: 3 }),
        (rule, driver, stacks) => {
          const frames = stacks.map(symbols => symbols.map(symbol => ({ address: '0x0', symbol })));
          const text = [rule, driver, ...stacks.map(symbols => symbols.join('<'))].join('\n');
          expect(signatureOf(rule, driver, frames)).toBe(fnv1a64(text));
        },
      ),
    );
  });
});

describe('frames of the recording', () => {
  it('are taken off the top only', () => {
    const below = stack('ftrace_call', '__free_pages', 'ftrace_call', 'main');
    expect(kernelFrames(below).map(({ symbol }) => symbol)).toEqual(['__free_pages', 'ftrace_call', 'main']);
  });

  it('are left where there is nothing else, and a stack without them is not copied', () => {
    const only = stack('ftrace_call', 'fprobe_handler');
    expect(kernelFrames(only)).toBe(only);
    expect(kernelFrames(FREED)).toBe(FREED);
    expect(kernelFrames([])).toEqual([]);
  });

  it('are those of ftrace, fprobes, kprobes and BPF, and of the breakpoint of a kprobe on x86 and arm64', () => {
    const recording = ['arch_rethook_trampoline', 'opt_pre_handler', 'asm_exc_int3', 'el1h_64_sync'];
    for (const symbol of recording) expect(kernelFrames(stack(symbol, 'main'))).toHaveLength(1);
    const kernel = ['trace_irq_enable', 'opt_pre_handler_of_a_driver', 'do_int3_test', 'brk_handlers'];
    for (const symbol of kernel) expect(kernelFrames(stack(symbol, 'main'))).toHaveLength(2);
    const nameless: StackFrame = { address: '0x1' };
    expect(kernelFrames([nameless, frame('main')])).toHaveLength(2);
  });
});

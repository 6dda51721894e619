import type { EventLocation, SourceNames, StackFrame } from '../kernel/source.ts';

/**
 * Functions whose names stay: the kernel's DMA, IOMMU and memory code, and the parts of its driver core and of its
 * tracing by which rules and reports know a stack.
 */
const KEPT =
  /^_*(iommu|dma|iova|iopt|iommufd|io_pgtable|arm_(smmu|lpae)|arm_v7s|intel_(iommu|flush|pasid)|amd_iommu|domain_|pt_|generic_pt|qi_|cache_tag|swiotlb|page_pool|pagetable|ptdesc|alloc_(page|frozen|contig|iova)|free_(page|frozen|unref|contig|iova|large)|get_(page|free_page)|put_page|folio|release_pages|mm_|vm_|vma|mmap|munmap|unmap_|zap_|tlb_|kmem|kmalloc|kfree|kvfree|vmalloc|vfree|slab|slub|rmqueue|rcu_free|devres|devm|device_|really_probe|driver_|bus_|fprobe|ftrace|kprobe|kretprobe|trace_|rethook|arch_rethook|page_frag|skb_page|sg_|phys_|virt_|vfio)/;

/** `0000:00:1f.6`: a PCI address names a slot, not a product. */
const PCI_ADDRESS = /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i;

/** Where kernel pointers get their new numbers, and how far apart. */
const POINTERS = 0xffff_8880_0000_0000n;
const POINTER_STEP = 0x400n;

/** Where frames without a symbol are: far below the functions that the writer gives an address, so that none covers them. */
const NAMELESS = 0xffff_ffff_c000_0000n;

/** New names for texts: the same for the same, in the order of their first use. */
class Replacements {
  private readonly word: string;
  private readonly texts = new Map<string, string>();

  constructor(word: string) {
    this.word = word;
  }

  of(text: string): string {
    let replacement = this.texts.get(text);
    if (replacement === undefined) {
      replacement = `${this.word}${this.texts.size + 1}`;
      this.texts.set(text, replacement);
    }
    return replacement;
  }
}

/** The names of a source with everything replaced that tells whose machine and whose driver it is. */
export function anonymousNames(names: SourceNames): SourceNames {
  const devices = new Replacements('device');
  // A driver is mostly called as its module.
  const drivers = new Replacements('driver');
  const tasks = new Replacements('task');
  const functions = new Replacements('function');
  const pointers = new Map<string, string>();
  const stacks = new Map<number, readonly StackFrame[]>();
  const pointer = (name: string | undefined): string | undefined => {
    if (name === undefined) return undefined;
    let replacement = pointers.get(name);
    if (replacement === undefined) {
      replacement = `0x${(POINTERS + BigInt(pointers.size) * POINTER_STEP).toString(16)}`;
      pointers.set(name, replacement);
    }
    return replacement;
  };
  const nameless = new Map<string, string>();
  const frame = ({ symbol, address = '', offset, size, module }: StackFrame): StackFrame => {
    if (symbol === undefined) {
      const place = nameless.get(address) ?? `0x${(NAMELESS + BigInt(nameless.size) * 16n).toString(16)}`;
      nameless.set(address, place);
      return { address: place };
    }
    return {
      // Without an address, the writer gives the function one.
      symbol: module === undefined && KEPT.test(symbol) ? symbol : functions.of(symbol),
      ...(offset === undefined ? {} : { offset }),
      ...(size === undefined ? {} : { size }),
      ...(module === undefined ? {} : { module: drivers.of(module) }),
    };
  };
  return {
    device: id => {
      const name = names.device(id);
      return name === undefined || PCI_ADDRESS.test(name) ? name : devices.of(name);
    },
    driver: id => {
      const name = names.driver(id);
      return name === undefined ? undefined : drivers.of(name);
    },
    domain: id => pointer(names.domain(id)),
    pool: id => pointer(names.pool(id)),
    task: pid => {
      const name = names.task(pid);
      return name === '<idle>' || name === '<...>' ? name : tasks.of(name);
    },
    stack: id => {
      let frames = stacks.get(id);
      if (!frames) {
        frames = names.stack(id).map(frame);
        stacks.set(id, frames);
      }
      return frames;
    },
    locate: (): EventLocation | undefined => undefined,
  };
}

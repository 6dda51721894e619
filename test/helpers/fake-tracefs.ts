import type { OpenFile, Tracefs } from '../../src/record/tracefs.ts';

/** What a kernel is made to offer. */
export interface FakeKernel {
  readonly cpus?: number;
  readonly functions?: readonly string[];
  /** `SYSTEM:EVENT` */
  readonly tracepoints?: readonly string[];
  /** The text of tracefs `README`. */
  readonly help?: string;
  /** Function names that the kernel refuses a probe on, though it lists them. */
  readonly refuses?: readonly string[];
  /** `GROUP/EVENT` of probes that exist without files. */
  readonly forgets?: readonly string[];
}

const HEADER_PAGE =
  '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n' +
  '\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n' +
  '\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n' +
  '\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n';

/** A file system's error as Node throws it. */
function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/**
 * A tracefs in memory that behaves as the kernel's does where recording depends on it: a new instance has its files,
 * probes in use cannot be removed, nor can an instance with open files.
 */
export class FakeTracefs implements Tracefs {
  readonly root = '/sys/kernel/tracing';
  /** All changes, in order: `write PATH TEXT`, `mkdir PATH`, `rmdir PATH`. */
  readonly changes: string[] = [];
  /** Called before each change with its line: may throw, as a kernel that refuses. */
  onChange: (line: string) => void = () => {};
  /** Sub-buffers that wait in the buffer of a CPU, and the bytes of events that `stats` claims for each. */
  readonly waiting = new Map<number, { readonly page: Uint8Array; readonly bytes: number }[]>();
  private readonly files = new Map<string, string>();
  private readonly directories = new Set(['instances']);
  private readonly kernel: FakeKernel;
  private readonly probes = new Map<string, string>();
  private readonly open_ = new Map<string, number>();

  constructor(kernel: FakeKernel = {}) {
    this.kernel = kernel;
    this.files.set('README', kernel.help ?? '');
    this.files.set('available_filter_functions', `${(kernel.functions ?? []).join('\n')}\n`);
    this.files.set('dynamic_events', '');
    this.files.set('kprobe_events', '');
    this.files.set('set_event', '');
    this.files.set('saved_cmdlines', '1 init\n77 insmod\n');
    this.files.set('printk_formats', '');
    this.addBuffer('');
  }

  /** Everything that a recording must leave as it was. */
  state(): unknown {
    return { files: [...this.files].sort(), directories: [...this.directories].sort() };
  }

  read(path: string): string {
    // "./x" is the file of the top buffer.
    const text = this.files.get(path.replace(/^\.\//, ''));
    if (text === undefined) throw systemError('ENOENT', path);
    return text;
  }

  exists(path: string): boolean {
    return this.files.has(path) || this.directories.has(path);
  }

  list(directory: string): string[] {
    const path = directory.replace(/^\.(\/|$)/, '');
    const prefix = path === '' ? '' : `${path}/`;
    const names = [...this.files.keys(), ...this.directories]
      .filter(name => name.startsWith(prefix))
      .map(name => name.slice(prefix.length).split('/')[0] ?? '');
    return [...new Set(names)];
  }

  write(path: string, text: string): void {
    this.change(`write ${path} ${text.trimEnd()}`);
    if (path === 'dynamic_events') this.define(text.trimEnd());
    else if (path === 'set_event') this.enable(text.trimEnd());
    else if (path.endsWith('/trace_marker')) return;
    else if (!this.files.has(path)) throw systemError('ENOENT', path);
    else this.files.set(path, text);
  }

  makeDirectory(path: string): void {
    this.change(`mkdir ${path}`);
    this.directories.add(path);
    this.addBuffer(`${path}/`);
  }

  removeDirectory(path: string): void {
    this.change(`rmdir ${path}`);
    if ([...this.open_].some(([name, count]) => count > 0 && name.startsWith(`${path}/`))) {
      throw systemError('EBUSY', path);
    }
    this.directories.delete(path);
    for (const name of [...this.files.keys()]) if (name.startsWith(`${path}/`)) this.files.delete(name);
  }

  open(name: string): OpenFile {
    const path = name.replace(/^\.\//, '');
    if (!this.files.has(path)) throw systemError('ENOENT', path);
    this.open_.set(path, (this.open_.get(path) ?? 0) + 1);
    const cpu = Number(/cpu(\d+)/.exec(path)?.[1]);
    return {
      read: into => {
        const next = this.waiting.get(cpu)?.shift();
        if (!next) return 0;
        into.set(next.page);
        return next.page.length;
      },
      readAgain: into => {
        const text = Buffer.from(this.stats(cpu));
        into.set(text);
        return text.length;
      },
      close: () => this.open_.set(path, (this.open_.get(path) ?? 0) - 1),
    };
  }

  private stats(cpu: number): string {
    const waiting = this.waiting.get(cpu) ?? [];
    const bytes = waiting.reduce((sum, each) => sum + each.bytes, 0);
    return `entries: ${waiting.length}\noverrun: 0\ncommit overrun: 0\nbytes: ${bytes}\noldest event ts:     1.000000\nnow ts:     2.000000\ndropped events: 0\nread events: 0\n`;
  }

  private change(line: string): void {
    this.onChange(line);
    this.changes.push(line);
  }

  private addBuffer(prefix: string): void {
    this.files.set(`${prefix}tracing_on`, '1');
    this.files.set(`${prefix}buffer_size_kb`, '7 (expanded: 1408)');
    this.files.set(`${prefix}trace_clock`, '[local] global mono');
    this.files.set(`${prefix}events/header_page`, HEADER_PAGE);
    this.files.set(`${prefix}events/header_event`, '');
    for (let cpu = 0; cpu < (this.kernel.cpus ?? 2); cpu++) {
      this.files.set(`${prefix}per_cpu/cpu${cpu}/stats`, '');
      this.files.set(`${prefix}per_cpu/cpu${cpu}/trace_pipe_raw`, '');
    }
    for (const event of ['ftrace:kernel_stack', 'ftrace:print', ...(this.kernel.tracepoints ?? [])]) {
      this.addEvent(prefix, event.replace(':', '/'));
    }
    for (const probe of this.probes.keys()) this.addEvent(prefix, probe);
  }

  /** `SYSTEM:EVENT`, or `!SYSTEM:EVENT` for the contrary. */
  private enable(text: string): void {
    const event = text.replace('!', '');
    const isOn = event === text;
    const others = this.read('set_event')
      .split('\n')
      .filter(line => line !== '' && line !== event);
    this.files.set('set_event', (isOn ? [...others, event] : others).map(line => `${line}\n`).join(''));
    const file = `events/${event.replace(':', '/')}/enable`;
    if (this.files.has(file)) this.files.set(file, isOn ? '1' : '0');
  }

  private addEvent(prefix: string, event: string): void {
    if (this.kernel.forgets?.includes(event)) return;
    const folder = `${prefix}events/${event}`;
    const name = event.slice(event.indexOf('/') + 1);
    this.files.set(`${folder}/format`, `name: ${name}\nID: ${100 + this.files.size}\nformat:\n`);
    for (const file of ['enable', 'trigger', 'filter']) this.files.set(`${folder}/${file}`, '0');
  }

  private define(line: string): void {
    const [, kind = '', name = '', target = ''] = /^([a-z-])\d*:(\S+)(?: (\S+))?/.exec(line) ?? [];
    const prefixes = [
      '',
      ...[...this.directories].filter(path => path !== 'instances').map(path => `${path}/`),
    ];
    if (kind === '-') {
      if (!this.probes.has(name)) throw systemError('ENOENT', line);
      const isUsed = prefixes.some(
        prefix =>
          this.files.get(`${prefix}events/${name}/enable`) === '1' ||
          this.read('set_event').includes(`${name.replace('/', ':')}\n`) ||
          this.files.get(`${prefix}events/${name}/trigger`) === 'stacktrace',
      );
      if (isUsed) throw systemError('EBUSY', line);
      this.probes.delete(name);
      for (const prefix of prefixes) {
        for (const file of ['format', 'enable', 'trigger', 'filter']) {
          this.files.delete(`${prefix}events/${name}/${file}`);
        }
      }
    } else {
      const symbol = target.replace('%return', '');
      if (this.kernel.refuses?.includes(symbol) || !this.kernel.functions?.includes(symbol)) {
        throw systemError('EINVAL', line);
      }
      // Linux 6.1 says how many calls a return probe follows at once.
      this.probes.set(name, line.replace(/^r:/, 'r10:'));
      for (const prefix of prefixes) this.addEvent(prefix, name);
    }
    this.files.set('dynamic_events', [...this.probes.values()].map(text => `${text}\n`).join(''));
  }
}

/** The probes that recording wants, as kernels have them. */
export const LINUX_6_1: FakeKernel = {
  functions: [
    '__iommu_map',
    '__iommu_unmap',
    'iommu_map',
    'iommu_unmap',
    'iommu_unmap_fast',
    'iommu_domain_free',
    'iommu_domain_alloc',
    '__iommu_attach_device',
    'iommu_dma_map_page',
    'iommu_dma_map_sg',
    'iommu_dma_alloc',
    'really_probe',
    'device_unbind_cleanup',
    'page_pool_create',
    'page_pool_destroy',
    'iommu_sva_bind_device',
    'iommu_sva_unbind_device',
    'intel_flush_iotlb_all',
    'intel_iommu_tlb_sync',
  ],
  tracepoints: [
    'iommu:map',
    'iommu:unmap',
    'iommu:io_page_fault',
    'kmem:mm_page_alloc',
    'kmem:mm_page_free',
    'kmem:kmalloc',
    'kmem:kfree',
    'kmem:kmem_cache_alloc',
    'kmem:kmem_cache_free',
    'page_pool:page_pool_release',
    'page_pool:page_pool_state_hold',
    'page_pool:page_pool_state_release',
    'printk:console',
    'module:module_load',
    'module:module_free',
  ],
  help: 'tracing mini-HOWTO:\n\t   Format: p[:[<group>/][<event>]] <place> [<args>]\n',
};

export const LINUX_7_2: FakeKernel = {
  functions: [
    'iommu_map_nosync',
    'alloc_pages_bulk_noprof',
    '__iommu_unmap',
    'iommu_map',
    'iommu_unmap',
    'iommu_unmap_fast',
    'iommu_domain_free',
    'iommu_paging_domain_alloc_flags',
    '__iommu_attach_device',
    'iommu_dma_map_phys',
    'iommu_dma_map_sg',
    'iommu_dma_alloc',
    'dma_iova_link',
    'really_probe',
    'device_unbind_cleanup',
    'bus_notify',
    'page_pool_create_percpu',
    'page_pool_destroy',
    'iommu_sva_bind_device',
    'iommu_sva_unbind_device',
    'iommu_sva_invalidate_kva_range',
    'pagetable_free_kernel',
    'intel_flush_iotlb_all',
    'intel_iommu_tlb_sync',
  ],
  tracepoints: [
    ...(LINUX_6_1.tracepoints ?? []),
    'dma:dma_map_phys',
    'dma:dma_unmap_phys',
    'dma:dma_map_sg',
    'dma:dma_unmap_sg',
    'dma:dma_alloc',
    'dma:dma_free',
    'dma:dma_alloc_pages',
    'dma:dma_free_pages',
    'dma:dma_alloc_sgt',
    'dma:dma_free_sgt',
    'dma:dma_sync_single_for_cpu',
    'dma:dma_sync_single_for_device',
    'dma:dma_sync_sg_for_cpu',
    'dma:dma_sync_sg_for_device',
  ],
  help:
    '\t           f[:[<group>/][<event>]] <func-name>[%return] [<args>]\n' +
    '\t     kernel return probes support: $retval, $arg<N>, $comm\n',
};

import { readFileSync } from 'node:fs';
import { readOr } from './tracefs.ts';

/** The two files of /proc that tell where functions are. */
export interface SymbolFiles {
  readonly modules: () => string;
  readonly kallsyms: () => Buffer;
}

const SYSTEM: SymbolFiles = {
  modules: () => readOr('/proc/modules', ''),
  kallsyms() {
    try {
      return readFileSync('/proc/kallsyms');
    } catch {
      return Buffer.alloc(0); // A kernel without CONFIG_KALLSYMS.
    }
  },
};

/**
 * The names of the kernel's functions. A module that is unloaded takes its names with it, so they are read when a module
 * appears and not only at the end.
 */
export class KernelSymbols {
  private readonly files: SymbolFiles;
  /** Lines of /proc/kallsyms by module and address: a module that was loaded again is another. */
  private readonly modules = new Map<string, string>();
  private text: Buffer;
  private loaded: ReadonlyMap<string, string>;

  constructor(files = SYSTEM) {
    this.files = files;
    this.loaded = loadedModules(files.modules());
    this.text = files.kallsyms();
    this.keepModules();
  }

  /** Looks whether modules have come. Cheap enough to be asked at each round. */
  refresh(): void {
    const now = loadedModules(this.files.modules());
    const hasNew = [...now].some(([name, address]) => this.loaded.get(name) !== address);
    this.loaded = now;
    if (!hasNew) return;
    this.text = this.files.kallsyms();
    this.keepModules();
  }

  /** Whether there are no addresses: `kernel.kptr_restrict` is 2, or the kernel has no list. */
  get areHidden(): boolean {
    // Per-CPU symbols are near 0 anyway; the functions behind them are not.
    return !/^0*[1-9a-f][0-9a-f]{6,} /m.test(this.text.toString('latin1'));
  }

  /** As /proc/kallsyms has it, with the functions of modules that are gone behind the others. */
  all(): Buffer {
    this.refresh();
    const present = new Set(Array.from(this.loaded, ([name, address]) => `${name} ${address}`));
    const gone = [...this.modules].filter(([module]) => !present.has(module)).map(([, lines]) => lines);
    return gone.length === 0 ? this.text : Buffer.concat([this.text, Buffer.from(gone.join(''), 'latin1')]);
  }

  /** Keeps the lines of each module: `ADDRESS TYPE NAME\t[MODULE]`. They stand behind those of the kernel. */
  private keepModules(): void {
    const first = this.text.indexOf('\t[');
    if (first < 0) return;
    const start = this.text.lastIndexOf('\n', first) + 1;
    const byModule = new Map<string, string[]>();
    for (const line of this.text.toString('latin1', start).split('\n')) {
      const module = /\t\[([^\]]+)\]$/.exec(line)?.[1];
      if (module === undefined) continue;
      const lines = byModule.get(module);
      if (lines) lines.push(`${line}\n`);
      else byModule.set(module, [`${line}\n`]);
    }
    for (const [module, lines] of byModule) {
      this.modules.set(`${module} ${this.loaded.get(module) ?? ''}`, lines.join(''));
    }
  }
}

/** Name and address of each module, from /proc/modules: `NAME SIZE USERS DEPENDENCIES STATE ADDRESS`. */
function loadedModules(modules: string): Map<string, string> {
  const loaded = new Map<string, string>();
  for (const line of modules.split('\n')) {
    const [name = '', , , , , address = ''] = line.split(' ');
    if (name !== '') loaded.set(name, address);
  }
  return loaded;
}

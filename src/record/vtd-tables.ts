/** Part of an IOMMU page table that translates to consecutive frames; in 4 KiB pages. */
export interface FoundRun {
  /** As the kernel names it: `0000:00:02.0`. */
  readonly device: string;
  /** Physical address of the table, in hexadecimal digits. */
  readonly table: string;
  readonly iovaPage: number;
  readonly pages: number;
  readonly frame: number;
}

/** `Device 0000:00:02.0 @0x1017f8000`, and `... with pasid 0 @0x...` where the IOMMU is in scalable mode. */
const HEADING = /^Device (\S+)(?: with pasid [\da-f]+)? @0x([\da-f]+)$/;

/** `0x000000008d800 |` and the entries on the way to the page, from level 5 down to 1; 0 where there is none. */
const LINE =
  /^0x([\da-f]{1,16}) \|\s+0x([\da-f]{16})\s+0x([\da-f]{16})\s+0x([\da-f]{16})\s+0x([\da-f]{16})\s+0x([\da-f]{16})$/;

/** 4 KiB pages that an entry of each level covers, in the order of {@link LINE}. */
const PAGES = [2 ** 36, 2 ** 27, 2 ** 18, 2 ** 9, 1];

/** Bits 12 to 51 of an entry are its address, without the low three digits: as a frame (VT-d specification, 9.8 and 9.9). */
const FRAMES = 2 ** 40;

/**
 * Reads `domain_translation_struct` of VT-d (drivers/iommu/intel/debugfs.c; Documentation/ABI/testing/debugfs-intel-iommu)
 * piece by piece, and joins neighbouring pages. Mappings of an address to itself are passed over: reserved regions and
 * devices that pass the IOMMU by, nothing that a driver maps. A line of another form is counted and skipped.
 */
export class VtdTableReader {
  /** Lines that could not be read. */
  unread = 0;
  private readonly found: (run: FoundRun) => void;
  /** Tables that were read: devices of one group show the same. */
  private readonly done = new Set<string>();
  private rest = '';
  private device = '';
  private table = '';
  private isSkipped = true;
  private iovaPage = 0;
  private pages = 0;
  private frame = 0;

  constructor(found: (run: FoundRun) => void) {
    this.found = found;
  }

  /** Takes the next piece of the text. */
  feed(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.line(line);
  }

  /** The end of a file. */
  end(): void {
    if (this.rest !== '') this.line(this.rest);
    this.rest = '';
    this.flush();
    this.isSkipped = true;
  }

  private line(line: string): void {
    if (line.startsWith('0x')) this.entry(line);
    else if (line.startsWith('Device ')) this.heading(line);
    else if (line !== '' && !line.startsWith('IOVA_PFN')) this.unread++;
  }

  private heading(line: string): void {
    this.flush();
    const [, device = '', table = ''] = HEADING.exec(line) ?? [];
    this.device = device;
    this.table = table;
    this.isSkipped = table === '' || this.done.has(table);
    if (table === '') this.unread++;
    this.done.add(table);
  }

  private entry(line: string): void {
    if (this.isSkipped) return;
    const match = LINE.exec(line);
    if (!match) {
      this.unread++;
      return;
    }
    // The entry of the lowest level that there is is the leaf.
    let level = PAGES.length - 1;
    while (level > 0 && /^0+$/.test(match[level + 2] as string)) level--;
    const iovaPage = Number.parseInt(match[1] as string, 16);
    const pages = PAGES[level] as number;
    const frame =
      Math.floor((Number.parseInt((match[level + 2] as string).slice(0, 13), 16) % FRAMES) / pages) * pages;
    if (this.pages > 0 && iovaPage === this.iovaPage + this.pages && frame === this.frame + this.pages) {
      this.pages += pages;
      return;
    }
    this.flush();
    if (iovaPage === frame) return;
    this.iovaPage = iovaPage;
    this.frame = frame;
    this.pages = pages;
  }

  private flush(): void {
    if (this.pages === 0) return;
    const { device, table, iovaPage, pages, frame } = this;
    this.found({ device, table, iovaPage, pages, frame });
    this.pages = 0;
  }
}

import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { STATE_VERSION } from '../trace/bindings/found-mappings.ts';
import { errorCode } from './record-error.ts';
import { readOr } from './tracefs.ts';
import { type FoundRun, VtdTableReader } from './vtd-tables.ts';

/** Where a machine shows its IOMMU page tables, and what is in which group. */
export interface StatePlaces {
  /** debugfs of VT-d */
  readonly vtd: string;
  readonly groups: string;
}

export const STATE_PLACES: StatePlaces = {
  vtd: '/sys/kernel/debug/iommu/intel',
  groups: '/sys/kernel/iommu_groups',
};

/** The file of all devices until Linux 6.6, and of one device since. */
const FILE = 'domain_translation_struct';

/** Characters of a marker: `trace_marker` takes 1023 bytes at once (TRACE_BUF_SIZE of kernel/trace/trace.c). */
const MARKER_LENGTH = 900;

/** Bytes that are read at once. */
const CHUNK = 1 << 16;

/** A group that a device may be in, and how it translates. */
interface Group {
  readonly devices: readonly string[];
  /** `DMA`, `DMA-FQ`, `identity`, `unmanaged`, `blocked` (drivers/iommu/iommu.c). */
  readonly type: string;
}

/**
 * Writes the mappings that exist now as texts for `trace_marker`, from `state begin` to `state end`. The trace must have
 * begun: what happens while this reads is newer, and whoever reads the trace takes it so.
 *
 * Told with a marker at a time, so that the buffers can be read in between.
 *
 * @returns why there is nothing to read; `undefined` where the state was read
 */
export function tellInitialState(
  mark: (text: string) => void,
  devices: readonly string[],
  places = STATE_PLACES,
): string | undefined {
  const files = stateFiles(devices, places);
  if (typeof files === 'string') return files;
  const groups = groupsIn(places.groups);
  mark(`iommusan: state begin ${STATE_VERSION}`);
  const lines = new FoundLines(mark, device => ownerOf(device, groups));
  let failed: string | undefined;
  for (const file of files) {
    const reader = new VtdTableReader(run => {
      if (devices.length === 0 || devices.includes(run.device)) lines.add(run);
    });
    try {
      readInPieces(file, text => reader.feed(text));
      reader.end();
    } catch (error) {
      failed ??= `${file} cannot be read (${errorCode(error) || String(error)})`;
    }
    if (reader.unread > 0) failed ??= `${file} has ${reader.unread} lines of an unknown form`;
  }
  lines.end();
  mark('iommusan: state end');
  return failed;
}

/** The files to read; or why there are none. */
function stateFiles(devices: readonly string[], { vtd, groups }: StatePlaces): string[] | string {
  if (existsSync(join(vtd, FILE))) return [join(vtd, FILE)];
  // Linux 6.7 to 6.16 walk what is no table where a device passes the IOMMU by, and oops.
  const passing = new Set(
    groupsIn(groups).flatMap(({ type, devices: members }) => (type === 'identity' ? members : [])),
  );
  const files = list(vtd)
    .filter(device => devices.length === 0 || devices.includes(device))
    .filter(device => !passing.has(device) && existsSync(join(vtd, device, FILE)))
    .map(device => join(vtd, device, FILE));
  if (files.length > 0) return files;
  return 'this kernel does not show the page tables of its IOMMU: only VT-d has a file for it, where the kernel is built with CONFIG_INTEL_IOMMU_DEBUGFS and debugfs is mounted';
}

/** The device, where no other one translates through the same table. */
function ownerOf(device: string, groups: readonly Group[]): string {
  const group = groups.find(({ devices }) => devices.includes(device));
  return group === undefined || group.devices.length === 1 ? device : '-';
}

function groupsIn(folder: string): Group[] {
  return list(folder).map(name => ({
    devices: list(join(folder, name, 'devices')),
    type: readOr(join(folder, name, 'type'), '').trim(),
  }));
}

/** Puts as many runs of a table into a marker as it holds. */
class FoundLines {
  private readonly mark: (text: string) => void;
  private readonly ownerOf: (device: string) => string;
  private table = '';
  private text = '';

  constructor(mark: (text: string) => void, owner: (device: string) => string) {
    this.mark = mark;
    this.ownerOf = owner;
  }

  add({ device, table, iovaPage, pages, frame }: FoundRun): void {
    if (this.text.length > MARKER_LENGTH || this.table !== table) this.end();
    if (this.text === '') this.text = `iommusan: found ${this.ownerOf(device)} ${table}`;
    this.table = table;
    this.text += ` ${iovaPage.toString(16)}+${pages.toString(16)}=${frame.toString(16)}`;
  }

  end(): void {
    if (this.text !== '') this.mark(this.text);
    this.text = '';
  }
}

function readInPieces(path: string, take: (text: string) => void): void {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(CHUNK);
    for (let read = readSync(fd, bytes); read > 0; read = readSync(fd, bytes)) {
      take(bytes.toString('latin1', 0, read));
    }
  } finally {
    closeSync(fd);
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

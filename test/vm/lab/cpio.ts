import { writeSync } from 'node:fs';

/** `S_IFDIR`, `S_IFREG`, `S_IFLNK` of inode(7). */
const DIRECTORY = 0o040000;
const REGULAR = 0o100000;
const LINK = 0o120000;

/**
 * Writes a cpio archive of the "newc" form, the one that the kernel unpacks as its first root file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Uncompressed: under emulation unpacking takes longer
 * than reading.
 */
export class CpioWriter {
  private readonly fd: number;
  private readonly directories = new Set<string>(['']);
  private inode = 1;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Adds a directory, and those above it. */
  directory(path: string): void {
    if (this.directories.has(path)) return;
    this.directory(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    this.directories.add(path);
    this.entry(path, DIRECTORY | 0o755, Buffer.alloc(0));
  }

  file(path: string, data: Buffer | string, mode = 0o644): void {
    this.directory(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    this.entry(path, REGULAR | mode, Buffer.from(data));
  }

  link(path: string, target: string): void {
    this.directory(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    this.entry(path, LINK | 0o777, Buffer.from(target));
  }

  end(): void {
    this.entry('TRAILER!!!', 0, Buffer.alloc(0));
  }

  private entry(path: string, mode: number, data: Buffer): void {
    const name = Buffer.from(`${path}\0`);
    const fields = [this.inode++, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
    const header = Buffer.from(`070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}`);
    for (const part of [padded(Buffer.concat([header, name])), padded(data)]) {
      if (part.length > 0) writeSync(this.fd, part);
    }
  }
}

function padded(data: Buffer): Buffer {
  const rest = (4 - (data.length % 4)) % 4;
  return rest === 0 ? data : Buffer.concat([data, Buffer.alloc(rest)]);
}

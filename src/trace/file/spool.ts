import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A temporary file that has no name any more: it goes when it is closed, whatever happens to the process. */
export function openSpool(): number {
  // Only here: most inputs are files, and need none.
  const { tmpdir } = process.getBuiltinModule('node:os');
  const directory = mkdtempSync(join(tmpdir(), 'iommusan-'));
  const fd = openSync(join(directory, 'input'), 'w+', 0o600);
  rmSync(directory, { recursive: true });
  return fd;
}

/** Writes all of `bytes`, also where the system takes them in parts. */
export function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
}

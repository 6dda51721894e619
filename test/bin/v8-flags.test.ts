import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isShort } from '../../src/bin/v8-flags.ts';

describe('a run of the command', () => {
  it('is short where all files that it is given are small', () => {
    expect(isShort(['check', '--format', 'json', 'examples/ok.dat', 'examples/uaf.dat'])).toBe(true);
    expect(isShort(['--help'])).toBe(true);
    expect(isShort(['check', 'no file has such a name'.repeat(1000)])).toBe(true);
  });

  it('may be long where a file is large, or standard input', () => {
    const folder = mkdtempSync(join(tmpdir(), 'iommusan-large-'));
    const large = join(folder, 'large.dat');
    writeFileSync(large, '');
    truncateSync(large, 1 << 30);
    expect(isShort(['check', large])).toBe(false);
    rmSync(folder, { recursive: true });
    expect(isShort(['check', '-'])).toBe(false);
  });
});

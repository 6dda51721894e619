import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run, runAsRoot } from './shell.ts';

/** Where packages and what is made of them are kept between runs. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'iommusan-vm');

/** Installs what is missing of these packages. */
export function install(packages: readonly string[]): void {
  const missing = packages.filter(name => !isInstalled(name));
  if (missing.length === 0) return;
  runAsRoot('apt-get', ['update', '-qq']);
  runAsRoot('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing]);
}

function isInstalled(name: string): boolean {
  try {
    return /^Status: install ok installed$/m.test(run('dpkg-query', ['-s', name]));
  } catch {
    return false;
  }
}

/**
 * Debian's packages, of any suite and architecture, by an apt of its own: the lists and the configuration of this
 * machine are not touched.
 */
export class Packages {
  private readonly options: string[];
  private readonly suite: string;
  private isUpdated = false;

  constructor(suite: string, architecture: string) {
    this.suite = suite;
    const folder = join(CACHE, 'apt', `${suite}-${architecture}`);
    mkdirSync(join(folder, 'lists', 'partial'), { recursive: true });
    mkdirSync(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
    writeFileSync(
      join(folder, 'sources.list'),
      `deb [arch=${architecture} signed-by=${keyring}] http://deb.debian.org/debian ${suite} main\n`,
    );
    this.options = [
      `Dir::Etc::SourceList=${folder}/sources.list`,
      'Dir::Etc::SourceParts=-',
      `Dir::State=${folder}`,
      `Dir::State::Lists=${folder}/lists`,
      `Dir::State::status=${folder}/status`,
      `Dir::Cache=${folder}/cache`,
      `APT::Architecture=${architecture}`,
      `APT::Architectures=${architecture}`,
      'APT::Sandbox::User=root',
      'Acquire::Languages=none',
    ].flatMap(option => ['-o', option]);
    if (!existsSync(join(folder, 'status'))) writeFileSync(join(folder, 'status'), '');
  }

  /** The packages that one depends on; the first alternative of each. */
  dependencies(name: string): string[] {
    this.update();
    const text = run('apt-cache', [...this.options, 'depends', '--no-recommends', '--no-suggests', name]);
    return Array.from(text.matchAll(/^\s*\|?Depends: (\S+)/gm), ([, dependency = '']) => dependency);
  }

  /** Downloads packages and unpacks them into a folder, once. */
  unpack(names: readonly string[], folder: string): string {
    const done = join(folder, '.complete');
    const wanted = `${this.suite}: ${names.join(' ')}\n`;
    if (existsSync(done) && readFileSync(done, 'utf8') === wanted) return folder;
    this.update();
    rmSync(folder, { recursive: true, force: true });
    const downloads = join(folder, '.packages');
    mkdirSync(downloads, { recursive: true });
    run('apt-get', [...this.options, 'download', ...names], { cwd: downloads });
    for (const file of readdirSync(downloads)) run('dpkg-deb', ['-x', join(downloads, file), folder]);
    rmSync(downloads, { recursive: true });
    writeFileSync(done, wanted);
    return folder;
  }

  private update(): void {
    if (this.isUpdated) return;
    run('apt-get', [...this.options, 'update', '-qq']);
    this.isUpdated = true;
  }
}

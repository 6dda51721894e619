// npm run test:vm [-- --all]: records in virtual machines. --all takes more kernels and IOMMUs than Debian 12's and VT-d.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const args = process.argv.slice(2);
const all = args.includes('--all');
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'vm', ...args.filter(arg => arg !== '--all')],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...(all ? { IOMMUSAN_VM_ALL: '1' } : {}) } },
);
process.exitCode = status ?? 1;

// npm run test:vm [-- --all | --cost]: records in virtual machines. --all takes more kernels and IOMMUs than Debian 12's
// and VT-d, --cost measures what recording costs.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const args = process.argv.slice(2);
const all = args.includes('--all');
const cost = args.includes('--cost');
const files = cost ? ['test/vm/cost.test.ts'] : args.filter(arg => arg !== '--all');
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'vm', ...files],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(all && { IOMMUSAN_VM_ALL: '1' }), ...(cost && { IOMMUSAN_VM_COST: '1' }) },
  },
);
process.exitCode = status ?? 1;

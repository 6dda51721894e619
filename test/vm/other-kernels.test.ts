import { beforeAll, describe } from 'vitest';
import { expectDrivers } from './lab/driver-expectations.ts';
import { OTHERS } from './lab/setups.ts';
import { play, prepare, type Stage } from './lab/stage.ts';

const all = process.env['IOMMUSAN_VM_ALL'] === '1';
const only = process.env['IOMMUSAN_VM_ONLY'] ?? '';

// Each boots a machine, and some build a directory of their suite first: asked for by `npm run test:vm -- --all`.
describe.skipIf(!all).each(OTHERS.filter(({ name }) => name.includes(only)))('$name', setup => {
  let stage: Stage;

  beforeAll(async () => {
    prepare();
    stage = await play(setup, 'drivers', 900_000);
  }, 1_800_000);

  expectDrivers(setup, () => stage);
});

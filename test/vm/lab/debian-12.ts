import { DEBIAN_12 } from './setups.ts';
import { play, prepare, type Stage } from './stage.ts';

/** What is done on Debian 12's kernel, each on a machine of its own. */
const JOBS = ['streams', 'stock'] as const;

const LIMIT_MS = 600_000;

const stages = new Map<string, Promise<Stage>>();

/**
 * What a job on Debian 12's kernel has left. All of them run at once: a machine takes one processor, and the test files
 * share this module.
 */
export function debian12(job: (typeof JOBS)[number]): Promise<Stage> {
  if (stages.size === 0) {
    prepare();
    for (const each of JOBS) {
      const stage = play(DEBIAN_12, each, LIMIT_MS);
      // Whoever asks for it is told.
      stage.catch(() => {});
      stages.set(each, stage);
    }
  }
  return stages.get(job) as Promise<Stage>;
}

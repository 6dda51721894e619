import { Worker } from 'node:worker_threads';

/**
 * Kills the process when one input takes too long: a hang cannot be ended from within its own thread. Time is that of the
 * processor: on a busy machine an input may have to wait for it.
 */
export class Watchdog {
  /** Number of the input in hand; negative between two. */
  private readonly progress = new Int32Array(new SharedArrayBuffer(4));
  private readonly worker: Worker;
  private inputs = 0;

  /**
   * @param limitMs longest time for an input
   * @param message what is said, with where the input is to be found
   */
  constructor(limitMs: number, message: string) {
    this.worker = new Worker(WATCH, {
      eval: true,
      workerData: { progress: this.progress, limitMs, message, pid: process.pid },
    });
    this.worker.unref();
  }

  /** Another input begins. */
  begin(): void {
    this.inputs++;
    Atomics.store(this.progress, 0, this.inputs);
  }

  /** The input is done with. */
  end(): void {
    Atomics.store(this.progress, 0, -1);
  }

  async stop(): Promise<void> {
    await this.worker.terminate();
  }
}

const WATCH = `
const { workerData: { progress, limitMs, message, pid } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
let last = -1;
let since = 0;
const spentMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
setInterval(() => {
  const now = Atomics.load(progress, 0);
  if (now !== last || now < 0) { last = now; since = spentMs(); return; }
  if (spentMs() - since < limitMs) return;
  writeSync(2, message + '\\n');
  process.kill(pid, 'SIGKILL');
}, 500);
`;

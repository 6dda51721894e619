import { Worker } from 'node:worker_threads';

/** Kills the process when one input takes too long: a hang cannot be ended from within its own thread. */
export class Watchdog {
  /** Number of the input in hand. */
  private readonly progress = new Int32Array(new SharedArrayBuffer(4));
  private readonly worker: Worker;

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
  next(): void {
    Atomics.add(this.progress, 0, 1);
  }

  async stop(): Promise<void> {
    await this.worker.terminate();
  }
}

const WATCH = `
const { workerData: { progress, limitMs, message, pid } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
let last = -1;
let since = Date.now();
setInterval(() => {
  const now = Atomics.load(progress, 0);
  if (now !== last) { last = now; since = Date.now(); return; }
  if (Date.now() - since < limitMs) return;
  writeSync(2, message + '\\n');
  process.kill(pid, 'SIGKILL');
}, 500);
`;

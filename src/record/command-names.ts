import { readdirSync } from 'node:fs';
import { readOr, type Tracefs } from './tracefs.ts';

/**
 * Names of the tasks that may occur in a recording. The kernel keeps those of the last 128 tasks only
 * (`saved_cmdlines_size`), and that setting is not ours to change: so the list is asked for again and again, and /proc
 * tells the names of what runs.
 */
export class CommandNames {
  private readonly tracefs: Tracefs;
  private readonly names = new Map<string, string>();

  constructor(tracefs: Tracefs) {
    this.tracefs = tracefs;
  }

  /** Takes the kernel's list. A number that was used again has its latest name. */
  takeSaved(): void {
    for (const line of this.tracefs.read('saved_cmdlines').split('\n')) {
      const space = line.indexOf(' ');
      if (space > 0) this.names.set(line.slice(0, space), line.slice(space + 1));
    }
  }

  /** Takes the names of all threads that run now, where the kernel's list has none. */
  takeRunning(): void {
    for (const pid of numbered('/proc')) {
      for (const tid of numbered(`/proc/${pid}/task`)) {
        if (this.names.has(tid)) continue;
        const name = readOr(`/proc/${pid}/task/${tid}/comm`, '').trimEnd();
        if (name !== '') this.names.set(tid, name);
      }
    }
  }

  /** As `saved_cmdlines` has it. */
  text(): string {
    return Array.from(this.names, ([pid, name]) => `${pid} ${name}\n`).join('');
  }
}

function numbered(folder: string): string[] {
  try {
    return readdirSync(folder).filter(name => /^\d+$/.test(name));
  } catch {
    return []; // The task has ended meanwhile.
  }
}

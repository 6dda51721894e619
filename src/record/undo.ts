/** One thing that was changed, and how it is changed back. */
interface Step {
  readonly what: string;
  readonly undo: () => void;
}

/**
 * What must be set back on every way out, newest first. Everything is synchronous: it also works in the last moments of
 * a process.
 */
export class UndoList {
  private readonly steps: Step[] = [];

  /** Remembers how to undo what has just been done. */
  add(what: string, undo: () => void): void {
    this.steps.push({ what, undo });
  }

  /**
   * Undoes everything that is not undone yet; a step that fails does not keep the others from being taken.
   *
   * @returns what could not be undone
   */
  run(): string[] {
    const failed: string[] = [];
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      try {
        step.undo();
      } catch (error) {
        failed.push(`${step.what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return failed;
  }
}

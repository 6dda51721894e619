import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { PageData } from '../../src/report/page-data.ts';

/** The stacks of the page, which its events name by their rows. */
export const StacksContext = createContext<Pick<PageData, 'frames' | 'stacks'>>({ frames: [], stacks: [] });

/** The frames of a stack, innermost first. */
export function useStack(row: number): readonly string[] {
  const { frames, stacks } = useContext(StacksContext);
  return (stacks[row] ?? []).map(frame => frames[frame] ?? '');
}

/** A stack as the kernel prints it. Frames of modules are those that a reader looks for first. */
export function Stack({ row }: { row: number }) {
  const frames = useStack(row);
  if (frames.length === 0) return <p class="quiet">No stack recorded.</p>;
  return (
    <ol class="stack">
      {frames.map(frame => (
        <li class={frame.endsWith(']') ? 'of-module' : undefined}>{frame}</li>
      ))}
    </ol>
  );
}

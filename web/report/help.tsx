import type { RefObject } from 'preact';

const KEYS: readonly [string, string][] = [
  ['/', 'search the findings'],
  ['j, k', 'next, previous finding'],
  ['Enter', 'unfold the finding in focus'],
  ['e', 'unfold all, or fold all'],
  ['Esc', 'clear search and filters'],
  ['t', 'colours: automatic, light, dark'],
  ['?', 'these keys'],
];

export function Help({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }) {
  return (
    <dialog ref={dialog} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([key, meaning]) => (
          <div>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit" class="plain">
          Close
        </button>
      </form>
    </dialog>
  );
}

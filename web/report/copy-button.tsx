import { useState } from 'preact/hooks';

/** Copies a text. A page that was opened from disk may not be allowed to: then the text is selected for the reader. */
export function CopyButton({ text }: { text: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (button: HTMLElement): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      const code = button.previousElementSibling;
      if (code !== null) getSelection()?.selectAllChildren(code);
    }
  };
  return (
    <button type="button" class="plain" onClick={event => void copy(event.currentTarget)}>
      {isCopied ? 'copied' : 'copy'}
    </button>
  );
}

import { useEffect, useLayoutEffect, useState } from 'preact/hooks';

const CHOICES = ['auto', 'light', 'dark'] as const;
type Choice = (typeof CHOICES)[number];

export interface Theme {
  readonly choice: Choice;
  /** What is shown: `light` or `dark`. */
  readonly name: string;
  next(): void;
}

/** Light or dark: what the system wants, unless the reader has chosen. Nothing is stored. */
export function useTheme(): Theme {
  const [choice, choose] = useState<Choice>('auto');
  const system = useMedia('(prefers-color-scheme: dark)') ? 'dark' : 'light';
  const name = choice === 'auto' ? system : choice;
  // Before the charts are drawn, which take their colours from it.
  useLayoutEffect(() => {
    document.documentElement.dataset['theme'] = name;
  }, [name]);
  return {
    choice,
    name,
    next: () => choose(CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? 'auto'),
  };
}

export function ThemeButton({ theme }: { theme: Theme }) {
  return (
    <button type="button" class="plain" onClick={theme.next} aria-label={`Colours: ${theme.choice}`}>
      {theme.choice === 'auto' ? '◐' : theme.choice === 'light' ? '○' : '●'}
      <span class="wide-only"> {theme.choice}</span>
    </button>
  );
}

function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const listen = (): void => setMatches(media.matches);
    media.addEventListener('change', listen);
    return () => media.removeEventListener('change', listen);
  }, [query]);
  return matches;
}

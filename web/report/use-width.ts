import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** A reference for an element, and how wide that is; 0 before it is laid out. */
export function useWidth<T extends HTMLElement>(): [ref: { current: T | null }, width: number] {
  const ref = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const measure = (): void => setWidth(Math.floor(element.getBoundingClientRect().width));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

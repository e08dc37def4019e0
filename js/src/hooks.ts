import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

export interface Size {
  width: number;
  height: number;
}

/** The size of an element, kept up to date: while it is hidden what it was, and a new object when it is shown again. */
export function useSize<Kind extends Element>(): [RefObject<Kind | null>, Size] {
  const reference = useRef<Kind>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = reference.current;
    if (!element) return;
    let wasHidden = false;
    const measure = (): void => {
      const { clientWidth: width, clientHeight: height } = element;
      const isHidden = width === 0 && height === 0;
      const isShownAgain = wasHidden && !isHidden;
      wasHidden = isHidden;
      if (isHidden) return;
      setSize((known) =>
        known.width === width && known.height === height && !isShownAgain ? known : { width, height },
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [reference, size];
}

/** Physical pixels of a CSS pixel; changes when the window moves to another screen or is zoomed. */
export function usePixelRatio(): number {
  const [ratio, setRatio] = useState(devicePixelRatio);
  useLayoutEffect(() => {
    const query = matchMedia(`(resolution: ${ratio}dppx)`);
    const follow = (): void => setRatio(devicePixelRatio);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, [ratio]);
  return ratio;
}

// Signs drawn in a square of 16. Those of states differ in shape, not only in colour.
import type { JSX } from "preact";
import type { State } from "../traits";

const PATHS = {
  start: <path d="M4.5 3v10l8-5z" fill="currentColor" stroke="none" />,
  pause: <path d="M5.5 3.5v9M10.5 3.5v9" stroke-width="2.4" />,
  stop: <path d="M4 4h8v8H4z" fill="currentColor" stroke="none" />,
  restart: <path d="M12.6 8a4.6 4.6 0 1 1-1.4-3.3M11.6 1.9v3.1H8.5" />,
  pin: <path d="M6 2.5h4M6.5 2.5v4L4.5 9h7l-2-2.5v-4M8 9v4.5" />,
  pinned: <path d="M6 2.5h4M6.5 2.5v4L4.5 9h7l-2-2.5v-4zM8 9v4.5" fill="currentColor" />,
  download: <path d="M8 2.5v7.5M5 7.2l3 3 3-3M3 13h10" />,
  code: <path d="M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5" />,
  link: (
    <path d="M6.8 9.2a2.5 2.5 0 0 0 3.5 0l2-2a2.5 2.5 0 0 0-3.5-3.5l-.9.9M9.2 6.8a2.5 2.5 0 0 0-3.5 0l-2 2a2.5 2.5 0 0 0 3.5 3.5l.9-.9" />
  ),
  close: <path d="M4.5 4.5l7 7M11.5 4.5l-7 7" />,
  chevron: <path d="M6 4.5 9.5 8 6 11.5" />,
  dice: (
    <>
      <path d="M3 3h10v10H3z" />
      <path d="M5.6 5.6h.01M10.4 5.6h.01M8 8h.01M5.6 10.4h.01M10.4 10.4h.01" stroke-width="1.8" />
    </>
  ),
  check: <path d="M3.5 8.5l3 3 6-7" />,
  warning: <path d="M8 2.8 14 13H2zM8 6.8v3M8 11.4v.1" />,
} as const satisfies Record<string, JSX.Element>;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {PATHS[name]}
    </svg>
  );
}

export const STATE_NAMES: Record<State, string> = {
  w: "waiting",
  c: "climbing",
  d: "done",
  x: "dead",
  v: "diverged",
  s: "stopped",
};

const MARKS: Record<State, JSX.Element> = {
  w: <circle cx="5" cy="5" r="3" fill="none" />,
  c: (
    <>
      <circle cx="5" cy="5" r="3.4" fill="none" />
      <path d="M5 1.6a3.4 3.4 0 0 1 0 6.8z" fill="currentColor" stroke="none" />
    </>
  ),
  d: <circle cx="5" cy="5" r="3.2" fill="currentColor" stroke="none" />,
  x: <path d="M2 2l6 6M8 2 2 8" stroke-width="1.6" />,
  v: <path d="M5 1.4 9 8.6H1z" fill="currentColor" stroke="none" />,
  s: <path d="M2.2 2.2h5.6v5.6H2.2z" fill="currentColor" stroke="none" />,
};

export function StateMark({ state }: { state: State }): JSX.Element {
  return (
    <svg class={`mark mark-${state}`} viewBox="0 0 10 10" aria-hidden="true" focusable="false">
      {MARKS[state]}
    </svg>
  );
}

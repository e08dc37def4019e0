// What belongs to one view of a model and to nobody else: where the pointer is, which stage is replayed.
import { type Signal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Store } from "./store";

export interface View {
  store: Store;
  id: string;
  /** Index of the tile under the pointer, or that the keyboard is on. */
  hovered: Signal<number | null>;
  /** The stage that is replayed; nothing while the newest picture is shown. */
  stage: Signal<number | null>;
  /** What a screen reader is told next. */
  announcement: Signal<string>;
  /** The element that all of the view is in. */
  root: HTMLElement;
}

export function makeView(store: Store, id: string, root: HTMLElement): View {
  return { store, id, hovered: signal(null), stage: signal(null), announcement: signal(""), root };
}

const Context = createContext<View | null>(null);

export const ViewProvider = Context.Provider;

export function useView(): View {
  const view = useContext(Context);
  if (!view) throw new Error("This component is outside a view.");
  return view;
}

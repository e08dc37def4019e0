import { render } from "preact";
import { followTheme } from "./browser";
import { App } from "./panels/App";
import type { Store } from "./store";
import style from "./style.css";
import { makeView, ViewProvider } from "./view";

/** Draws a view of a store into an element; returns what undoes it. */
export function openView(store: Store, element: HTMLElement): () => void {
  const host = document.createElement("div");
  // JupyterLab takes keys from whatever has the focus, unless it carries this; across a shadow root it sees the host.
  host.dataset.lmSuppressShortcuts = "true";
  host.dataset.testid = "jaxviz";
  const suppress = (event: FocusEvent): void => {
    (event.target as Element).setAttribute("data-lm-suppress-shortcuts", "true");
  };
  const root = host.attachShadow({ mode: "open" });
  const sheet = document.createElement("style");
  sheet.textContent = style;
  const body = document.createElement("div");
  body.className = "root";
  root.append(sheet, body);
  root.addEventListener("focusin", suppress as EventListener);
  element.append(host);
  const unfollow = followTheme(host);
  const id = store.openView();
  render(
    <ViewProvider value={makeView(store, id, body)}>
      <App />
    </ViewProvider>,
    body,
  );
  return () => {
    render(null, body);
    store.closeView(id);
    unfollow();
    root.removeEventListener("focusin", suppress as EventListener);
    host.remove();
  };
}

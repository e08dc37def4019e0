import { render } from "preact";
import { followTheme } from "./browser";
import { App } from "./panels/App";
import type { Store } from "./store";
import { style } from "./styles";
import type { Kind } from "./traits";
import { makeView, ViewProvider } from "./view";

const LIVE = "jaxviz-live";
/** A notebook keeps a picture behind the widget, for where there is no kernel; beside a live view it is hidden. */
const HIDING_RULE = `.jp-OutputArea-child:has(.${LIVE}) + .jp-OutputArea-child:has(.jp-RenderedImage) { display: none }`;

/**
 * How wide a view would be if nobody said, as in a row of widgets; there it may also become narrower.
 * Panels are laid out by the width that there is, so the browser cannot tell it from them.
 */
const USUAL_PIXELS: Record<Kind, number> = { explorer: 960, grid: 520, unit: 340, progress: 520, bench: 960 };

let hidingViews = 0;
let hidingStyle: HTMLStyleElement | null = null;

function hidePicture(): () => void {
  hidingViews += 1;
  if (!hidingStyle) {
    hidingStyle = document.createElement("style");
    hidingStyle.textContent = HIDING_RULE;
    document.head.append(hidingStyle);
  }
  return () => {
    hidingViews -= 1;
    if (hidingViews > 0) return;
    hidingStyle?.remove();
    hidingStyle = null;
  };
}

/** Draws a view of a store into an element; returns what undoes it. */
export function openView(store: Store, element: HTMLElement): () => void {
  const host = document.createElement("div");
  // JupyterLab takes keys from whatever has the focus, unless it carries this; across a shadow root it sees the host.
  host.dataset.lmSuppressShortcuts = "true";
  host.dataset.testid = "jaxviz";
  host.className = LIVE;
  host.style.setProperty("contain-intrinsic-inline-size", `${USUAL_PIXELS[store.traits.kind.peek()]}px`);
  if (!element.style.minWidth) element.style.minWidth = "0";
  const unhide = hidePicture();
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
    unhide();
    root.removeEventListener("focusin", suppress as EventListener);
    host.remove();
  };
}

// The widget as anywidget and every host like it wants it: a function that is called once for each model.
import type { Model } from "./messages";
import { openView } from "./open";
import { Store } from "./store";

export { openPage, StaticModel } from "./page";

interface Props {
  model: Model;
  signal?: AbortSignal;
}

export interface Widget {
  initialize(props: Props): () => void;
  render(props: Props & { el: HTMLElement }): () => void;
}

/** Makes the widget of one model; all its views share one store. */
export default function makeWidget(): Widget {
  let store: Store | null = null;
  return {
    initialize({ model, signal }) {
      // This model's listeners live as long as the model; those of a view's model end with the view.
      const own = new Store(model);
      store = own;
      return once(signal, () => {
        own.end();
        if (store === own) store = null;
      });
    },
    render({ model, el, signal }) {
      if (store) return once(signal, openView(store, el));
      const own = new Store(model); // a host that does not initialize
      const close = openView(own, el);
      return once(signal, () => {
        close();
        own.end();
      });
    },
  };
}

/** Runs an action at most once, and also when the signal says so. */
function once(signal: AbortSignal | undefined, action: () => void): () => void {
  let done = false;
  const run = (): void => {
    if (done) return;
    done = true;
    signal?.removeEventListener("abort", run);
    action();
  };
  signal?.addEventListener("abort", run);
  return run;
}

// Which panels a widget has, and the keys that work everywhere in it.
import type { JSX } from "preact";
import { useView } from "../view";
import { Grid } from "./Grid";
import { GridBar } from "./GridBar";
import { Layers } from "./Layers";
import { Settings } from "./Settings";
import { TopBar } from "./TopBar";
import { Tray } from "./Tray";
import { Unit } from "./Unit";

export function App(): JSX.Element {
  const { store, root } = useView();
  const kind = store.traits.kind.value;
  const onKeyDown = (event: KeyboardEvent): void => {
    const target = event.composedPath()[0] as HTMLElement;
    const typing = target.matches("input:not([type=range]):not([type=checkbox]), select, textarea");
    if (event.key === "/" && !typing) {
      const search = root.querySelector<HTMLInputElement>("[data-testid=layer-search]");
      if (!search) return;
      search.focus();
      search.select();
      event.preventDefault();
    } else if (event.key === "Escape") target.blur();
    else return;
    event.stopPropagation();
  };
  return (
    <div class={`widget ${kind}`} data-testid="widget" onKeyDown={onKeyDown}>
      <TopBar />
      <div class="panels">
        {kind === "explorer" && <Layers />}
        {(kind === "explorer" || kind === "bench") && <Settings />}
        {kind !== "unit" && (
          <section class="middle" aria-label="Units">
            <GridBar />
            <Grid />
          </section>
        )}
        {(kind === "explorer" || kind === "bench" || kind === "unit") && (
          <div class="right">
            <Unit />
          </div>
        )}
      </div>
      {(kind === "explorer" || kind === "bench") && <Tray />}
    </div>
  );
}

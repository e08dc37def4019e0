// The layers of the model as the tree of its modules: the input on top, the classes at the bottom.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { useSize } from "../hooks";
import { readLink } from "../pure/link";
import { countText, layerRows, type Row, tileOf } from "../pure/rows";
import { modulesAround } from "../pure/tree";
import { useView } from "../view";
import { LayerRow } from "./LayerRow";

/** A model with at most so many layers is shown with all its modules open. */
const OPEN_LAYERS = 40;

export function Layers(): JSX.Element {
  const view = useView();
  const { store } = view;
  const { layers, layer, class_names, input_shape } = store.traits;
  const query = useSignal("");
  const isOpen = useSignal<ReadonlyMap<string, boolean>>(new Map());
  const note = useSignal(""); // of what was opened last
  const active = useSignal(0);
  const [tree, { width }] = useSize<HTMLDivElement>();
  const around = new Set(modulesAround(layer.value));
  const few = layers.value.length <= OPEN_LAYERS;
  const expanded = (path: string): boolean => isOpen.value.get(path) ?? (few || around.has(path));
  const rows = layerRows(layers.value, class_names.value, query.value, expanded);
  const at = Math.min(active.value, rows.length - 1);
  const idPrefix = `layer-${view.id}`;

  useEffect(() => {
    const chosen = rows.findIndex((row) => row.kind === "layer" && row.layer.name === layer.value);
    if (chosen >= 0) active.value = chosen;
    else if (query.value !== "") move(0); // the first that was found
    tree.current?.querySelector(".layer-row.chosen")?.scrollIntoView({ block: "nearest" });
  }, [layer.value, query.value]);
  useEffect(() => {
    // Another width is another layout, in which the tree may be lower. Not scrollIntoView: it would scroll the notebook.
    const row = tree.current?.querySelector<HTMLElement>(".layer-row.chosen");
    if (!row || !tree.current) return;
    const { scrollTop, clientHeight } = tree.current;
    const lowest = row.offsetTop + row.offsetHeight - clientHeight;
    tree.current.scrollTop = Math.min(Math.max(scrollTop, lowest), row.offsetTop);
  }, [width]);

  const open = (row: Row | undefined): void => {
    if (row?.kind === "layer") store.open(row.layer.name);
    else if (row?.kind === "class" && store.hasTile(tileOf(row))) store.open(row.layer.name, row.unit);
    else if (row?.kind === "module") isOpen.value = new Map(isOpen.value).set(row.path, !row.expanded);
  };
  const move = (index: number): void => {
    active.value = Math.min(Math.max(index, 0), rows.length - 1);
    tree.current?.querySelector(`[data-row="${active.value}"]`)?.scrollIntoView({ block: "nearest" });
  };
  /** Opens a layer or class and goes to its tiles, from which the settings would keep the Tab key for long. */
  const enter = (row: Row): void => {
    if (row.kind !== "layer" || row.layer.name !== layer.value) open(row);
    view.root.querySelector<HTMLElement>("[data-testid=grid]")?.focus();
  };
  const onTreeKey = (event: KeyboardEvent): void => {
    const row = rows[at];
    if (event.key === "ArrowDown") move(at + 1);
    else if (event.key === "ArrowUp") move(at - 1);
    else if (event.key === "Home") move(0);
    else if (event.key === "End") move(rows.length - 1);
    else if (event.key === "Enter" || event.key === " ") open(row);
    else if (event.key === "ArrowRight" && row?.kind === "module") row.expanded ? move(at + 1) : open(row);
    else if (event.key === "ArrowRight" && row) enter(row);
    else if (event.key === "ArrowLeft" && row?.kind === "module" && row.expanded) open(row);
    else if (event.key === "ArrowLeft" && row) move(parentOf(rows, at));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onSearchKey = (event: KeyboardEvent): void => {
    if (event.key === "Enter") {
      const link = readLink(query.value, layers.value, class_names.value);
      if (link) {
        const opened = store.open(link.layer, link.unit);
        query.value = "";
        note.value = opened === link.unit ? "" : missingText(link.unit, opened);
        if (note.value) view.announcement.value = note.value;
      } else open(rows.find((row) => row.kind !== "module"));
    } else if (event.key === "ArrowDown") tree.current?.focus();
    else if (event.key === "Escape" && query.value !== "") query.value = "";
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <nav class="layers" aria-label="Layers">
      <input
        type="search"
        class="search"
        data-testid="layer-search"
        placeholder="Search, or layer:unit"
        aria-label="Search layers and classes, or open layer:unit or layer:class"
        spellcheck={false}
        autocomplete="off"
        value={query.value}
        onInput={(event) => {
          query.value = event.currentTarget.value;
          note.value = "";
        }}
        onKeyDown={onSearchKey}
      />
      {note.value && (
        <p class="nothing" data-testid="search-note">
          {note.value}
        </p>
      )}
      {query.value === "" && input_shape.value.length > 0 && (
        <div class="layer-row input" data-testid="input-layer">
          <span class="layer-label">input</span>
          <span class="layer-shape">{input_shape.value.join("×")}</span>
        </div>
      )}
      <div
        ref={tree}
        class="tree"
        data-testid="layer-tree"
        role="tree"
        tabIndex={0}
        aria-label="Layers"
        aria-activedescendant={rows.length > 0 ? `${idPrefix}-${at}` : undefined}
        onKeyDown={onTreeKey}
      >
        {rows.map((row, index) => (
          <LayerRow
            key={row.key}
            row={row}
            index={index}
            id={`${idPrefix}-${index}`}
            isActive={index === at}
            onOpen={() => {
              active.value = index;
              open(row);
            }}
          />
        ))}
        {rows.length === 0 && <p class="nothing">{nothingText(query.value)}</p>}
      </div>
      <footer class="layers-count">{countText(layers.value, class_names.value, query.value)}</footer>
    </nav>
  );
}

function nothingText(query: string): string {
  return query === "" ? "This model has no layers." : `No layer or class is called “${query.trim()}”.`;
}

/** Why a link shows another unit than it names: a page holds only what was rendered. */
function missingText(unit: number, opened: number | undefined): string {
  if (opened === undefined) return "This page does not hold that layer.";
  return `This page does not hold unit ${unit}; the closest is ${opened}.`;
}

function parentOf(rows: Row[], index: number): number {
  const depth = rows[index]?.depth ?? 0;
  for (let above = index - 1; above >= 0; above--) if ((rows[above]?.depth ?? 0) < depth) return above;
  return index;
}

// The contact sheet: one tile for each unit of the layer. Only rows in view exist.
import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Size, useSize } from "../hooks";
import { px } from "../pure/format";
import { extend, toggle } from "../pure/selection";
import {
  layOut,
  moveBy,
  rowsInView,
  type Sheet,
  scrollToOpen,
  scrollToShow,
  tileAt,
  tilesInView,
  topOfRow,
} from "../pure/sheet";
import type { Layer } from "../traits";
import { useView } from "../view";
import { GridRow } from "./GridRow";
import { ScoreCaption } from "./ScoreCaption";

const OVERSCAN_ROWS = 1;

export function Grid(): JSX.Element {
  const { store } = useView();
  const layer = store.layer;
  const units = store.traits.units.value;
  return layer && units.length > 0 ? (
    <Sheets layer={layer} units={units.filter((unit) => unit <= store.lastUnit(layer))} />
  ) : (
    <div class="table empty" data-testid="grid-empty">
      <p>{emptyText(store.traits.layers.value.length, layer !== undefined)}</p>
    </div>
  );
}

function emptyText(layers: number, chosen: boolean): string {
  if (layers === 0) return "This model has no layers that can be looked at.";
  return chosen ? "No unit of this layer is in the grid." : "Choose a layer to see what its units look for.";
}

function Sheets({ layer, units }: { layer: Layer; units: number[] }): JSX.Element {
  const view = useView();
  const { store } = view;
  const [scroller, size] = useSize<HTMLDivElement>();
  const tilePixels = store.traits.tile_pixels.value;
  const measures = store.traits.measures.value.length;
  const sheet = layOut(units.length, size.width, tilePixels, store.aspectOf(layer.name), measures);
  const chosen = store.traits.unit.value;
  const selection = useComputed(() => new Set(store.traits.selection.value)).value;
  const active = useSignal(Math.max(0, units.indexOf(chosen)));
  const anchor = useRef(active.value);
  // Keys go on from a unit that was chosen elsewhere: by the slider, a link or Python.
  useEffect(() => {
    const index = units.indexOf(chosen);
    if (index >= 0) active.value = index;
  }, [layer.name, units.join(), chosen, store.opened.value]);
  const [window, follow] = useWindow(sheet, size, units, scroller);
  const idPrefix = `tile-${view.id}`;

  useKeepPlace(scroller, sheet, size, layer.name, units.indexOf(chosen), store.opened.value, follow);
  const point = usePointer(scroller, sheet, layer.name);

  const moveTo = (index: number): void => {
    active.value = index;
    point(null);
    view.hovered.value = index;
    const element = scroller.current;
    if (element) element.scrollTop = scrollToShow(sheet, index, element.scrollTop, size.height);
  };
  const choose = (index: number): void => {
    const unit = units[index];
    if (unit !== undefined) store.set({ unit });
  };
  const select = (index: number, several: boolean): void => {
    const unit = units[index];
    if (unit === undefined) return;
    const selected = store.traits.selection.peek();
    const from = units[anchor.current] ?? unit;
    if (!several) anchor.current = index;
    store.set({ selection: several ? extend(units, selected, from, unit) : toggle(units, selected, unit) });
  };
  const onClick = (event: MouseEvent): void => {
    const index = indexAt(event);
    if (index === null) return;
    active.value = index;
    if (event.shiftKey || event.ctrlKey || event.metaKey) select(index, event.shiftKey);
    else {
      anchor.current = index;
      choose(index);
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const rowsInPage = Math.floor(size.height / sheet.rowPitch);
    const next = event.altKey ? null : moveBy(event.key, active.value, sheet, rowsInPage);
    if (next !== null) {
      moveTo(next);
      if (event.shiftKey) select(next, true);
      else anchor.current = next;
    } else if (event.key === "Enter") choose(active.value);
    else if (event.key === " " && (event.ctrlKey || event.metaKey)) select(active.value, false);
    else if (event.key === " ") {
      const unit = units[active.value];
      if (unit !== undefined) store.togglePin({ layer: layer.name, unit, sign: 1 });
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) store.set({ selection: units });
    else if (event.key === "Escape" && selection.size > 0) store.set({ selection: [] });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const rows = Array.from({ length: window[1] - window[0] }, (_, offset) => window[0] + offset);
  return (
    <div
      ref={scroller}
      class="table"
      data-testid="grid"
      role="listbox"
      tabIndex={0}
      aria-multiselectable="true"
      aria-label={`Units of ${layer.name}`}
      aria-activedescendant={isInWindow(active.value, window, sheet) ? `${idPrefix}-${active.value}` : undefined}
      onScroll={() => {
        follow();
        point();
      }}
      onClick={onClick}
      onKeyDown={onKeyDown}
      onPointerMove={point}
      onPointerLeave={() => point(null)}
      onBlur={() => point(null)}
    >
      <div role="presentation" class="sheet" style={{ height: px(sheet.totalHeight) }}>
        {size.width > 0 &&
          rows.map((row) => (
            <GridRow
              key={row}
              layer={layer}
              sheet={sheet}
              row={row}
              units={units}
              chosen={chosen}
              selection={selection}
              active={active.value}
              idPrefix={idPrefix}
            />
          ))}
        <ScoreCaption layer={layer} units={units} sheet={sheet} />
      </div>
    </div>
  );
}

function isInWindow(index: number, [first, end]: [number, number], { columns }: Sheet): boolean {
  return index >= first * columns && index < end * columns;
}

function indexAt(event: Event): number | null {
  for (const target of event.composedPath()) {
    if (target instanceof HTMLElement && target.dataset.index !== undefined) return Number(target.dataset.index);
    if (target === event.currentTarget) break;
  }
  return null;
}

/**
 * What to call with each place of the pointer (or null), and with nothing where the sheet moved below a pointer that
 * rests: the browser says nothing of that.
 */
function usePointer(
  scroller: { current: HTMLDivElement | null },
  sheet: Sheet,
  layer: string,
): (place?: { clientX: number; clientY: number } | null) => void {
  const { hovered } = useView();
  const known = useRef<{ clientX: number; clientY: number } | null>(null);
  const point = (place?: { clientX: number; clientY: number } | null): void => {
    const element = scroller.current;
    if (place === undefined && known.current === null) return; // what is read out was chosen by keys
    if (place !== undefined) known.current = place && { clientX: place.clientX, clientY: place.clientY };
    if (known.current === null || !element) hovered.value = null;
    else {
      const { left, top } = element.getBoundingClientRect();
      const { clientX, clientY } = known.current;
      hovered.value = tileAt(sheet, clientX - left, clientY - top + element.scrollTop);
    }
  };
  useLayoutEffect(() => {
    if (known.current === null) hovered.value = null;
    else point();
  }, [layer, sheet.columns, sheet.rowPitch]);
  return point;
}

/** The rows that exist, and what to call when the sheet was scrolled; tells Python which tiles are in view. */
function useWindow(
  sheet: Sheet,
  size: Size,
  units: number[],
  scroller: { current: HTMLDivElement | null },
): [[number, number], () => void] {
  const { store, id } = useView();
  const [scrollTop, setScrollTop] = useState(0);
  const rows = rowsInView(sheet, scrollTop, size.height, OVERSCAN_ROWS);
  const follow = (): void => {
    if (!scroller.current?.clientHeight) return; // hidden, it is scrolled nowhere
    const top = scroller.current.scrollTop;
    const [first, end] = rowsInView(sheet, top, size.height, OVERSCAN_ROWS);
    if (first !== rows[0] || end !== rows[1]) setScrollTop(top);
    store.setVisible(id, units.slice(...tilesInView(sheet, top, size.height)));
  };
  useEffect(follow, [store, id, units, sheet.columns, sheet.rowPitch, size]);
  return [rows, follow];
}

/** Keeps what was at the top of the view there when the layout changes, and shows the chosen unit of a new layer. */
function useKeepPlace(
  scroller: { current: HTMLDivElement | null },
  sheet: Sheet,
  size: Size,
  layer: string,
  chosen: number,
  opened: number,
  follow: () => void,
): void {
  const known = useRef({ layer: "", sheet, chosen: -1, opened });
  const kept = useRef({ scrollTop: -1, index: 0 }); // what is rounded is not rounded again by the next layout
  useLayoutEffect(() => {
    const element = scroller.current;
    const { height } = size;
    if (!element?.clientHeight || height === 0) return;
    const before = known.current;
    known.current = { layer, sheet, chosen, opened };
    const isFound = before.chosen < 0 && chosen >= 0; // the units of a layer come after its name
    if (before.layer !== layer || isFound) element.scrollTop = scrollToOpen(sheet, Math.max(0, chosen), height);
    else if (before.sheet.columns !== sheet.columns || before.sheet.rowPitch !== sheet.rowPitch) {
      const firstInView = Math.round(element.scrollTop / before.sheet.rowPitch) * before.sheet.columns;
      const index = element.scrollTop === kept.current.scrollTop ? kept.current.index : firstInView;
      element.scrollTop = topOfRow(sheet, Math.floor(index / sheet.columns));
      kept.current = { scrollTop: element.scrollTop, index };
    } else if ((before.chosen !== chosen || before.opened !== opened) && chosen >= 0)
      element.scrollTop = scrollToShow(sheet, chosen, element.scrollTop, height);
    follow(); // the event comes only after the next paint, which would show no rows
  }, [layer, sheet.columns, sheet.rowPitch, size, chosen, opened]);
}

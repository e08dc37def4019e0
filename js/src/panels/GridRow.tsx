// One row of the contact sheet: a canvas for its pictures, and over it an element for each tile.
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { drawPart, fitCanvas } from "../draw";
import { usePixelRatio } from "../hooks";
import { formatNumber, px } from "../pure/format";
import { PADDING_PIXELS, type Sheet } from "../pure/sheet";
import type { Layer } from "../traits";
import { useView } from "../view";
import { Icon, STATE_NAMES, StateMark } from "./icons";

const EMPTY_COLOUR = "#6f6f6f";
/** Below this a tile has no room for the name of its class. */
const NAMED_PIXELS = 88;

interface RowProps {
  layer: Layer;
  sheet: Sheet;
  row: number;
  units: number[];
  chosen: number;
  selection: ReadonlySet<number>;
  active: number;
  idPrefix: string;
}

export function GridRow(props: RowProps): JSX.Element {
  const { layer, sheet, row, units, idPrefix } = props;
  const first = row * sheet.columns;
  const shown = units.slice(first, first + sheet.columns);
  const canvas = useRowCanvas(layer.name, shown, sheet);
  return (
    <div
      role="presentation"
      class="sheet-row"
      style={{ top: px(row * sheet.rowPitch + PADDING_PIXELS), left: px(sheet.left), height: px(sheet.rowPitch) }}
    >
      <canvas
        ref={canvas}
        aria-hidden="true"
        style={{ width: px(shown.length * sheet.columnPitch), height: px(sheet.tileHeight) }}
      />
      {shown.map((unit, column) => (
        <Tile
          key={unit}
          {...props}
          unit={unit}
          index={first + column}
          column={column}
          id={`${idPrefix}-${first + column}`}
        />
      ))}
    </div>
  );
}

interface TileProps extends RowProps {
  unit: number;
  index: number;
  column: number;
  id: string;
}

function Tile({ layer, sheet, units, unit, index, column, chosen, selection, active, id }: TileProps): JSX.Element {
  const { store } = useView();
  const state = store.stateOf(index);
  const name = store.className(layer, unit);
  const pinned = store.pinOf({ layer: layer.name, unit, sign: 1 }) !== undefined;
  const isSelected = selection.has(unit);
  const classes = ["tile"];
  if (unit === chosen) classes.push("chosen");
  if (isSelected) classes.push("selected");
  if (index === active) classes.push("active");
  return (
    <div
      role="option"
      id={id}
      class={classes.join(" ")}
      data-testid={`tile-${unit}`}
      data-state={STATE_NAMES[state]}
      data-index={index}
      aria-selected={isSelected}
      aria-current={unit === chosen ? "true" : undefined}
      aria-posinset={index + 1}
      aria-setsize={units.length}
      style={{
        left: px(column * sheet.columnPitch),
        width: px(sheet.tileWidth),
        height: px(sheet.tileHeight + sheet.textHeight),
      }}
    >
      <span class="frame" style={{ height: px(sheet.tileHeight) }}>
        {isSelected && <Icon name="check" />}
      </span>
      <span class="caption">
        <span class="unseen">{`${store.unitWord(layer)} `}</span>
        <span class={store.isBench ? "unseen" : "tile-number"}>{unit}</span>
        {name && <span class={sheet.tileWidth >= NAMED_PIXELS ? "tile-name" : "unseen"}>{name}</span>}
        <span class="unseen">{`, ${STATE_NAMES[state]}${pinned ? ", pinned" : ""}`}</span>
        {pinned && <Icon name="pinned" />}
        <StateMark state={state} />
      </span>
      <Measures unit={unit} />
    </div>
  );
}

/** What was measured of the picture, a line for each measure. */
function Measures({ unit }: { unit: number }): JSX.Element {
  const { store } = useView();
  return (
    <>
      {store.traits.measures.value.map(({ name, meaning, values }) => (
        <span key={name} class="measure" data-testid={`measure-${unit}-${name}`} title={meaning}>
          <span>{name}</span>
          <span>{formatNumber(values[unit] ?? null)}</span>
        </span>
      ))}
    </>
  );
}

/** Draws the pictures of some units side by side, and each again when a new one comes. */
function useRowCanvas(layer: string, units: number[], sheet: Sheet): { current: HTMLCanvasElement | null } {
  const { store } = useView();
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = usePixelRatio();
  const { tileWidth, tileHeight, columnPitch } = sheet;
  useLayoutEffect(() => {
    if (!canvas.current) return;
    const context = fitCanvas(canvas.current, units.length * columnPitch, tileHeight, ratio);
    if (!context) return;
    const ends = units.map((unit, column) => {
      const left = Math.round(column * columnPitch * ratio);
      const [width, height] = [Math.round(tileWidth * ratio), Math.round(tileHeight * ratio)];
      const picture = store.pictures.get(layer, unit, 1);
      context.fillStyle = EMPTY_COLOUR;
      context.fillRect(left, 0, width, height);
      if (picture) drawPart(context, picture, left, 0, width, height);
      return store.pictures.watch(layer, unit, 1, (next) => drawPart(context, next, left, 0, width, height));
    });
    return () => {
      for (const end of ends) end();
    };
  }, [store, layer, units.join(" "), tileWidth, tileHeight, columnPitch, ratio]);
  return canvas;
}

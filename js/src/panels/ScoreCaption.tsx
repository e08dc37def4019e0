// The score of the tile under the pointer, in place of its caption, and in words above the grid.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Pace } from "../pace";
import type { Picture } from "../pictures";
import { formatNumber, px } from "../pure/format";
import { CAPTION_PIXELS, PADDING_PIXELS, type Sheet } from "../pure/sheet";
import type { Layer, Sign } from "../traits";
import { useView } from "../view";
import { STATE_NAMES } from "./icons";

/** Numbers that change faster cannot be read, and to lay text out costs more than to draw a picture. */
const READABLE_MILLISECONDS = 400;

/** The picture of a tile, for its numbers: as it is now, and again when a new one has come, but not for each at once. */
export function usePicture(layer: string, unit: number | undefined, sign: Sign): Picture | undefined {
  const { store } = useView();
  const [, redraw] = useState<Picture>();
  useEffect(() => {
    if (unit === undefined) return;
    const pace = new Pace(READABLE_MILLISECONDS, () => redraw(store.pictures.get(layer, unit, sign)));
    const unwatch = store.pictures.watch(layer, unit, sign, () => pace.ask());
    return () => {
      pace.end();
      unwatch();
    };
  }, [store, layer, unit, sign]);
  return unit === undefined ? undefined : store.pictures.get(layer, unit, sign);
}

export function ScoreCaption({
  layer,
  units,
  sheet,
}: {
  layer: Layer;
  units: number[];
  sheet: Sheet;
}): JSX.Element | null {
  const { store, hovered } = useView();
  const index = hovered.value;
  const unit = index === null ? undefined : units[index];
  const picture = usePicture(layer.name, unit, 1);
  if (index === null || unit === undefined) return null;
  const [row, column] = [Math.floor(index / sheet.columns), index % sheet.columns];
  return (
    <div
      class="caption score-caption"
      aria-hidden="true"
      data-testid="hover-score"
      style={{
        top: px(row * sheet.rowPitch + sheet.tileHeight + PADDING_PIXELS),
        left: px(column * sheet.columnPitch + sheet.left),
        width: px(sheet.tileWidth),
        height: px(CAPTION_PIXELS),
      }}
    >
      {sheet.tileWidth >= 72 &&
        (store.isBench ? (
          <span class="tile-name">{store.className(layer, unit)}</span>
        ) : (
          <span class="tile-number">{unit}</span>
        ))}
      <span class="tile-score">{formatNumber(picture?.score ?? null)}</span>
    </div>
  );
}

/** What is under the pointer, in one line. */
export function Readout({ layer, units }: { layer: Layer; units: number[] }): JSX.Element | null {
  const { store, hovered } = useView();
  const index = hovered.value;
  const unit = index === null ? undefined : units[index];
  const picture = usePicture(layer.name, unit, 1);
  if (index === null || unit === undefined) return null;
  const words = [
    [store.unitWord(layer), store.isBench ? "" : unit, store.className(layer, unit)]
      .filter((word) => word !== "")
      .join(" "),
    STATE_NAMES[store.stateOf(index)],
    picture && `step ${picture.step}`,
  ];
  return (
    <span class="detail readout" data-testid="hover-readout">
      {words.filter(Boolean).join(" · ")}
    </span>
  );
}

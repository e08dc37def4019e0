// Above the contact sheet: whose units these are, what is under the pointer, and how large the tiles are.
import type { JSX } from "preact";
import { saveBlob } from "../browser";
import { composeSheet } from "../compose";
import { fileName, formatCount, formatShape } from "../pure/format";
import { useView } from "../view";
import { Button, CopyButton, Range } from "./parts";
import { Readout } from "./ScoreCaption";

export function GridBar(): JSX.Element {
  const { store, hovered, root } = useView();
  const layer = store.layer;
  const { tile_pixels, selection, units, code, kernel } = store.traits;
  const download = (): void => {
    if (store.canAsk) store.requestFile("grid");
    else if (layer) void composeSheet(store, layer).then((blob) => blob && saveBlob(fileName(layer.name), blob));
  };
  const shape = layer && formatShape(layer.shape, layer.units);
  const parts = layer?.name.split("/") ?? [];
  return (
    <div class="bar grid-bar">
      <div class="grid-title" title={layer?.name}>
        <span class="grid-layer">
          <bdi class="path">{parts.slice(0, -1).map((part) => `${part}/`)}</bdi>
          <bdi class="name">{parts.at(-1)}</bdi>
        </span>
        {layer && <Readout layer={layer} units={units.value} />}
        {layer && hovered.value === null && (
          <span class="detail">
            {shape && ` ${shape} · `}
            {units.value.length === layer.units ? "" : `${formatCount(units.value.length)} of `}
            {formatCount(layer.units)} {store.unitWord(layer, layer.units)}
          </span>
        )}
      </div>
      {selection.value.length > 0 && (
        <Button
          icon="close"
          label="Select none"
          testid="select-none"
          onClick={() => {
            root.querySelector<HTMLElement>("[data-testid=grid]")?.focus(); // the button goes, and the keys with it
            store.set({ selection: [] });
          }}
        >{`${formatCount(selection.value.length)} selected`}</Button>
      )}
      <Range
        label="Tile size in pixels"
        testid="tile-size"
        min={48}
        max={256}
        step={4}
        value={tile_pixels.value}
        valueText={`${tile_pixels.value} pixels`}
        title={`Tile size: ${tile_pixels.value} pixels`}
        onInput={(pixels) => store.set({ tile_pixels: pixels })}
      />
      <span class="tools">
        {kernel.value && (
          <CopyButton
            icon="code"
            label="Copy the Python that renders this grid"
            testid="copy-code-grid"
            text={code.value.grid}
            waiting={store.awaitsCode.value}
          />
        )}
        <Button
          icon="download"
          label="Download this grid as PNG"
          testid="download-grid"
          disabled={!layer || units.value.length === 0}
          onClick={download}
        />
      </span>
    </div>
  );
}

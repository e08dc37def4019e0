// PNG files made in the browser, where there is no Python to make them with their recipe inside.
import { drawPart, type Part } from "./draw";
import type { Store } from "./store";
import type { Layer } from "./traits";

const GAP_PIXELS = 2;

function toBlob(canvas: HTMLCanvasElement): Promise<Blob | null> {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

export function composePicture(part: Part): Promise<Blob | null> {
  const canvas = Object.assign(document.createElement("canvas"), { width: part.width, height: part.height });
  const context = canvas.getContext("2d");
  if (context) drawPart(context, part, 0, 0, part.width, part.height);
  return toBlob(canvas);
}

/** All pictures of a layer that there are, in rows of about as many as there are rows. */
export function composeSheet(store: Store, layer: Layer): Promise<Blob | null> {
  const pictures = store.pictures.units(layer.name).flatMap((unit) => store.pictures.get(layer.name, unit, 1) ?? []);
  const [first] = pictures;
  if (!first) return Promise.resolve(null);
  const columns = Math.ceil(Math.sqrt(pictures.length));
  const [columnPitch, rowPitch] = [first.width + GAP_PIXELS, first.height + GAP_PIXELS];
  const canvas = Object.assign(document.createElement("canvas"), {
    width: columns * columnPitch - GAP_PIXELS,
    height: Math.ceil(pictures.length / columns) * rowPitch - GAP_PIXELS,
  });
  const context = canvas.getContext("2d");
  if (!context) return Promise.resolve(null);
  context.fillStyle = "#777";
  context.fillRect(0, 0, canvas.width, canvas.height);
  pictures.forEach((picture, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    drawPart(context, picture, column * columnPitch, row * rowPitch, first.width, first.height);
  });
  return toBlob(canvas);
}

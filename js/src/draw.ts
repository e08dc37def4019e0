// Puts a picture on a canvas at the resolution of the screen.

export interface Part {
  source: CanvasImageSource;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** From so many screen pixels for one of the picture its pixels are shown as squares: then they are what one looks at. */
const SQUARES_FROM = 4;

/** Draws a part of a source into a rectangle of a canvas, in physical pixels. */
export function drawPart(
  context: CanvasRenderingContext2D,
  part: Part,
  left: number,
  top: number,
  width: number,
  height: number,
): void {
  context.imageSmoothingEnabled = width < SQUARES_FROM * part.width;
  context.imageSmoothingQuality = width < part.width ? "medium" : "high"; // smaller, both look alike and one is slow
  context.drawImage(part.source, part.left, part.top, part.width, part.height, left, top, width, height);
}

/** Makes a canvas fit its size on the screen, which empties it; returns its context. */
export function fitCanvas(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  ratio: number,
): CanvasRenderingContext2D | null {
  const [columns, rows] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  else canvas.getContext("2d")?.clearRect(0, 0, columns, rows);
  return canvas.getContext("2d");
}

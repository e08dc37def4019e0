// Where the tiles of the contact sheet lie, which of them are in view, and where a key moves.

export interface Sheet {
  count: number;
  columns: number;
  rows: number;
  tileWidth: number;
  tileHeight: number;
  /** What is written under a picture: the caption, and perhaps a line for each measure. */
  textHeight: number;
  /** From the top of one row to the top of the next, caption and gap included. */
  rowPitch: number;
  columnPitch: number;
  totalHeight: number;
  /** What lies left of the first column: a full sheet stands in the middle of the table. */
  left: number;
}

export const GAP_PIXELS = 1;
export const CAPTION_PIXELS = 16;
const MEASURE_PIXELS = 16;
/** Between a caption and the pictures below it: more than above it, so that it is clear whose caption it is. */
const ROW_GAP_PIXELS = 4;
export const PADDING_PIXELS = 8;

/**
 * Lays out `count` tiles in a width.
 *
 * @param aspect Height of a picture over its width.
 * @param measures Lines under the caption.
 */
export function layOut(count: number, width: number, tilePixels: number, aspect: number, measures = 0): Sheet {
  const tileHeight = Math.max(1, Math.round(tilePixels * aspect));
  const columnPitch = tilePixels + GAP_PIXELS;
  const textHeight = CAPTION_PIXELS + measures * MEASURE_PIXELS;
  const rowPitch = tileHeight + textHeight + ROW_GAP_PIXELS;
  const columns = Math.max(1, Math.floor((width - 2 * PADDING_PIXELS + GAP_PIXELS) / columnPitch));
  const room = width - columns * columnPitch + GAP_PIXELS;
  // Less than a row stays at the edge, below its title.
  const left = count < columns ? PADDING_PIXELS : Math.max(0, Math.floor(room / 2));
  const rows = Math.ceil(count / columns);
  const totalHeight = rows * rowPitch + 2 * PADDING_PIXELS;
  const tile = { tileWidth: tilePixels, tileHeight, textHeight };
  return { count, columns, rows, ...tile, rowPitch, columnPitch, totalHeight, left };
}

/** First row that is at least partly in view, and the one after the last; `overscan` rows more on both sides. */
export function rowsInView(sheet: Sheet, scrollTop: number, height: number, overscan = 0): [number, number] {
  const top = scrollTop - PADDING_PIXELS;
  const first = Math.floor(top / sheet.rowPitch) - overscan;
  const end = Math.ceil((top + height) / sheet.rowPitch) + overscan;
  const clamp = (row: number): number => Math.min(Math.max(row, 0), sheet.rows);
  return [clamp(first), clamp(end)];
}

/** Indices of the tiles in view, in reading order. */
export function tilesInView(sheet: Sheet, scrollTop: number, height: number): [number, number] {
  const [first, end] = rowsInView(sheet, scrollTop, height);
  return [first * sheet.columns, Math.min(end * sheet.columns, sheet.count)];
}

/** The tile at a place of the sheet, its caption included, or nothing between and beside the tiles. */
export function tileAt(sheet: Sheet, x: number, y: number): number | null {
  const [column, across] = divide(x - sheet.left, sheet.columnPitch);
  const [row, down] = divide(y - PADDING_PIXELS, sheet.rowPitch);
  const isInside = across < sheet.tileWidth && down < sheet.tileHeight + sheet.textHeight;
  if (!isInside || column < 0 || column >= sheet.columns || row < 0) return null;
  const index = row * sheet.columns + column;
  return index < sheet.count ? index : null;
}

function divide(value: number, pitch: number): [number, number] {
  const whole = Math.floor(value / pitch);
  return [whole, value - whole * pitch];
}

/** Where a row begins when it is the first in view, with nothing of the captions above it. */
export function topOfRow(sheet: Sheet, row: number): number {
  return row === 0 ? 0 : row * sheet.rowPitch + PADDING_PIXELS - ROW_GAP_PIXELS;
}

/** How far to scroll so that a tile is wholly in view; the present position where it is already. */
export function scrollToShow(sheet: Sheet, index: number, scrollTop: number, height: number): number {
  const row = Math.floor(index / sheet.columns);
  const bottom = (row + 1) * sheet.rowPitch + PADDING_PIXELS;
  if (topOfRow(sheet, row) < scrollTop) return topOfRow(sheet, row);
  if (bottom > scrollTop + height) return bottom - height;
  return scrollTop;
}

/** How far to scroll in a sheet that is opened at a tile: not at all if it is in view then, else to have it amid its neighbours. */
export function scrollToOpen(sheet: Sheet, index: number, height: number): number {
  if (scrollToShow(sheet, index, 0, height) === 0) return 0;
  const row = Math.floor(index / sheet.columns);
  const above = Math.floor((height / sheet.rowPitch - 1) / 2);
  return Math.min(topOfRow(sheet, Math.max(0, row - above)), Math.max(0, sheet.totalHeight - height));
}

/** The tile that a key leads to from another, or nothing where the key moves nothing. */
export function moveBy(key: string, from: number, sheet: Sheet, rowsInPage: number): number | null {
  const last = sheet.count - 1;
  if (last < 0) return null;
  const { columns } = sheet;
  const page = Math.max(1, rowsInPage) * columns;
  switch (key) {
    case "ArrowLeft":
      return Math.max(from - 1, 0);
    case "ArrowRight":
      return Math.min(from + 1, last);
    case "ArrowUp":
      return from - columns < 0 ? from : from - columns;
    case "ArrowDown":
      return from + columns <= last ? from + columns : sameOrLastRow(from, columns, last);
    case "PageUp":
      return from - page < 0 ? from % columns : from - page;
    case "PageDown":
      return Math.min(from + page, last);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}

/** Down from the row before a last row that is too short: its last tile, and nowhere from the last row itself. */
function sameOrLastRow(from: number, columns: number, last: number): number {
  return Math.floor(from / columns) < Math.floor(last / columns) ? last : from;
}

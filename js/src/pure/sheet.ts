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
  const rows = Math.ceil(count / columns);
  const totalHeight = rows * rowPitch + 2 * PADDING_PIXELS;
  return { count, columns, rows, tileWidth: tilePixels, tileHeight, textHeight, rowPitch, columnPitch, totalHeight };
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

/** How far to scroll so that a tile is wholly in view; the present position where it is already. */
export function scrollToShow(sheet: Sheet, index: number, scrollTop: number, height: number): number {
  const top = Math.floor(index / sheet.columns) * sheet.rowPitch + PADDING_PIXELS;
  const bottom = top + sheet.rowPitch;
  if (top - PADDING_PIXELS < scrollTop) return top - PADDING_PIXELS;
  if (bottom > scrollTop + height) return bottom - height;
  return scrollTop;
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

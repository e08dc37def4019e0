// Numbers as people read them. A true minus sign, and no digits that nobody needs.

export function formatNumber(value: number | null, digits = 3): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text =
    size !== 0 && (size >= 1e6 || size < 1e-4)
      ? value.toExponential(digits - 1).replace("e+", "e")
      : Number(size.toPrecision(digits)) >= 10 ** digits
        ? String(Math.round(value))
        : value.toPrecision(digits);
  return text.replaceAll("-", "−");
}

/** What is said of every score that is shown. */
export const SCORE_TITLE = "Score, averaged over the last 16 steps: each step disturbs the picture in another way";

/** A setting without trailing zeros: 0.05, 6, 0.125. */
export function formatSetting(value: number): string {
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

export function formatCount(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u2009");
}

/** A step where there is little room: 4 096, 16k. */
export function formatStep(step: number): string {
  return step < 10_000 ? formatCount(step) : `${Math.round(step / 1000)}k`;
}

/** The largest power-of-1000 word that keeps a number short: 864, 21.7 M, 1.2 G. */
export function formatLarge(value: number): string {
  for (const [limit, letter] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (Number(value.toPrecision(3)) >= limit) return `${Number((value / limit).toPrecision(3))} ${letter}`;
  }
  return String(value);
}

export function formatDuration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "";
  if (seconds < 1) return "under 1 s left";
  if (seconds < 59.5) return `${Math.round(seconds)} s left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min left`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

/** The shape of a layer without the axis that counts the units, which stands in a column of its own. */
export function formatShape(shape: number[], units: number): string {
  const last = shape.length - 1;
  return (shape[last] === units ? shape.slice(0, last) : shape).join("×");
}

/** The name of a file for a picture: no separators that a file system would take for folders. */
export function fileName(...parts: (string | number)[]): string {
  return `${parts.join("_").replace(/[^\p{L}\p{N}._#+-]+/gu, "-")}.png`;
}

export function px(pixels: number): string {
  return `${pixels}px`;
}

// The score curve: scales and a path of few points that still shows every peak.

export interface Point {
  step: number;
  score: number;
}

export interface Scales {
  low: number;
  high: number;
  lastStep: number;
}

export function points(steps: number[], scores: (number | null)[]): Point[] {
  const found: Point[] = [];
  steps.forEach((step, index) => {
    const score = scores[index];
    if (score !== null && score !== undefined && Number.isFinite(score)) found.push({ step, score });
  });
  return found;
}

const LEAST_REACH = 64;

/**
 * How far the axis of a climb reaches: it doubles as the curve grows, so that also a long climb begins readable. A step's
 * score is taken as it begins: with the last, one step more was made, also where fewer are asked for by now.
 */
export function reachOf(lastStep: number, steps: number): number {
  let reach = LEAST_REACH;
  while (reach < lastStep) reach *= 2;
  return Math.min(reach, Math.max(steps, lastStep + 1));
}

/** Scales that hold every curve; a flat curve lies in the middle. */
export function scalesOf(curves: Point[][], lastStep: number): Scales {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let end = lastStep;
  for (const curve of curves) {
    for (const { step, score } of curve) {
      low = Math.min(low, score);
      high = Math.max(high, score);
      end = Math.max(end, step);
    }
  }
  if (low > high) return { low: 0, high: 1, lastStep: Math.max(end, 1) };
  if (low === high) return { low: low - 1, high: high + 1, lastStep: Math.max(end, 1) };
  return { low, high, lastStep: Math.max(end, 1) };
}

export function columnOf(step: number, { lastStep }: Scales, width: number): number {
  return (step / lastStep) * width;
}

export function rowOf(score: number, { low, high }: Scales, height: number): number {
  return (1 - (score - low) / (high - low)) * height;
}

/** Keeps of every stretch of a curve its first, lowest, highest and last point, in order. */
export function thin(curve: Point[], stretches: number): Point[] {
  if (curve.length <= 4 * stretches) return curve;
  const kept: Point[] = [];
  for (let stretch = 0; stretch < stretches; stretch++) {
    const start = Math.floor((stretch * curve.length) / stretches);
    const end = Math.floor(((stretch + 1) * curve.length) / stretches);
    let [lowest, highest] = [start, start];
    for (let index = start; index < end; index++) {
      if ((curve[index] as Point).score < (curve[lowest] as Point).score) lowest = index;
      if ((curve[index] as Point).score > (curve[highest] as Point).score) highest = index;
    }
    const chosen = new Set([start, lowest, highest, end - 1].sort((one, two) => one - two));
    for (const index of chosen) kept.push(curve[index] as Point);
  }
  return kept;
}

export function pathOf(curve: Point[], scales: Scales, width: number, height: number): string {
  return thin(curve, Math.max(1, Math.floor(width / 2)))
    .map(({ step, score }, index) => {
      const column = columnOf(step, scales, width).toFixed(1);
      const row = rowOf(score, scales, height).toFixed(1);
      return `${index === 0 ? "M" : "L"}${column} ${row}`;
    })
    .join("");
}

/** The point of a curve nearest to a step. */
export function nearest(curve: Point[], step: number): Point | null {
  let best: Point | null = null;
  for (const point of curve) {
    if (!best || Math.abs(point.step - step) <= Math.abs(best.step - step)) best = point;
  }
  return best;
}

// Which pictures of a climb are kept, and which one the unit's picture shows.

/** Steps at which a climb of so many steps keeps a picture: 0, 4, 16, 64, … and its end. */
export function expectedStages(steps: number): number[] {
  const stages = [0];
  for (let step = 4; step < steps; step *= 4) stages.push(step);
  return [...stages, steps];
}

/**
 * The stage of one climb that belongs beside a stage of another: both may have been looked at after other steps.
 *
 * @returns Its index; the last for the last, or nothing where there is none.
 */
export function stageBeside(own: number[], other: number[], otherIndex: number): number | null {
  if (own.length === 0) return null;
  const step = other[otherIndex];
  if (step === undefined || otherIndex === other.length - 1) return own.length - 1;
  const distance = (index: number): number => Math.abs(Math.log((1 + (own[index] ?? 0)) / (1 + step)));
  return own.reduce((best, _, index) => (distance(index) < distance(best) ? index : best), 0);
}

interface Dated {
  generation: number;
  width: number;
}

/**
 * Which of two sources of a unit's newest picture to show: the grid's or that of the unit's own messages.
 *
 * The grid's comes more often; the unit's may be sharper. Two sizes in turn would flicker, so a smaller picture from
 * the grid is shown only until the unit's own is there.
 */
export function newest(
  grid: (Dated & { step: number }) | undefined,
  own: (Dated & { stages: number[] }) | null,
): "grid" | "own" | null {
  const ownStep = own?.stages.at(-1);
  if (!own || ownStep === undefined) return grid ? "grid" : null;
  if (!grid) return "own";
  if (grid.generation !== own.generation) return grid.generation > own.generation ? "grid" : "own";
  return grid.width >= own.width && grid.step > ownStep ? "grid" : "own";
}

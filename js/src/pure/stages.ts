// Which pictures of a climb are kept, and which one the unit's picture shows.

/** Steps at which a climb of so many steps keeps a picture: 0, 4, 16, 64, … and its end. */
export function expectedStages(steps: number): number[] {
  const stages = [0];
  for (let step = 4; step < steps; step *= 4) stages.push(step);
  return [...stages, steps];
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

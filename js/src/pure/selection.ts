// Choosing tiles: several as every file manager does, and of those that there are the closest.

/** Adds a unit that is not selected, removes one that is; the result is in the order of the grid. */
export function toggle(units: number[], selection: number[], unit: number): number[] {
  const chosen = new Set(selection);
  if (!chosen.delete(unit)) chosen.add(unit);
  return units.filter((each) => chosen.has(each));
}

/** Adds everything from one unit to another, both included, in the order of the grid. */
export function extend(units: number[], selection: number[], from: number, to: number): number[] {
  const [one, two] = [units.indexOf(from), units.indexOf(to)];
  if (two < 0) return selection;
  const start = one < 0 ? two : Math.min(one, two);
  const end = Math.max(one, two);
  const chosen = new Set([...selection, ...units.slice(start, end + 1)]);
  return units.filter((each) => chosen.has(each));
}

/** The unit next to a number. */
export function closest(units: number[], wanted: number): number {
  return units.reduce((best, unit) => (Math.abs(unit - wanted) < Math.abs(best - wanted) ? unit : best));
}

/** The units with one that may not be among them: then it stands before the first that is greater. */
export function including(units: number[], unit: number): number[] {
  if (units.includes(unit)) return units;
  const greater = units.findIndex((each) => each > unit);
  return units.toSpliced(greater < 0 ? units.length : greater, 0, unit);
}

// What frames tell by coming, before they are decoded: the shape of a layer's pictures, and which there are at all.
import { type Signal, signal } from "@preact/signals";
import type { Frame } from "./messages";
import type { Sign, State } from "./traits";

export class Arrivals {
  readonly #aspects: Signal<ReadonlyMap<string, number>> = signal(new Map());
  readonly #units: Signal<ReadonlyMap<string, ReadonlyMap<number, State>>> = signal(new Map());
  readonly #negatives: Signal<ReadonlyMap<string, ReadonlySet<number>>> = signal(new Map());
  readonly #generations = new Map<string, number>();

  /** Height over width of the pictures of a layer; they are square until one came that is not. */
  aspectOf(layer: string): number {
    return this.#aspects.value.get(layer) ?? 1;
  }

  has(layer: string): boolean {
    return this.#units.value.has(layer);
  }

  hasTile(layer: string, unit: number, sign: Sign): boolean {
    return (sign > 0 ? this.#units : this.#negatives).value.get(layer)?.has(unit) ?? false;
  }

  /** Whether there are pictures of any layer inside a module. */
  hasInside(path: string): boolean {
    return [...this.#units.value.keys()].some((name) => name.startsWith(`${path}/`));
  }

  /** The units of a layer that came, in order, and a letter for the state of each. */
  unitsOf(layer: string): { units: number[]; states: string } {
    const known = this.#units.peek().get(layer) ?? new Map<number, State>();
    const units = [...known.keys()].sort((one, two) => one - two);
    return { units, states: units.map((unit) => known.get(unit)).join("") };
  }

  noteAspect({ layer, height, width }: Frame): void {
    const aspects = this.#aspects.peek();
    if (aspects.get(layer) !== height / width) this.#aspects.value = new Map(aspects).set(layer, height / width);
  }

  /** Of a layer that was shown under several settings only the newest counts: the others are there for their pins. */
  noteUnits({ layer, generation, tiles }: Frame): void {
    const known = this.#generations.get(layer) ?? generation;
    if (generation < known) return;
    this.#generations.set(layer, generation);
    const units = new Map(generation > known ? [] : this.#units.peek().get(layer));
    const negatives = new Set(generation > known ? [] : this.#negatives.peek().get(layer));
    for (const { unit, sign, state } of tiles) {
      if (sign > 0) units.set(unit, state);
      else negatives.add(unit);
    }
    this.#units.value = new Map(this.#units.peek()).set(layer, units);
    this.#negatives.value = new Map(this.#negatives.peek()).set(layer, negatives);
  }
}

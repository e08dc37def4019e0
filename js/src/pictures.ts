// The pictures of all tiles, kept in pages of many tiles each, as frames bring them.
import type { Frame, FrameTile } from "./messages";
import type { Sign } from "./traits";

export interface Picture extends FrameTile {
  generation: number;
  /** Where the picture is kept: a canvas, and the corner and size of the tile on it. */
  source: CanvasImageSource;
  left: number;
  top: number;
  width: number;
  height: number;
}

type Listener = (picture: Picture) => void;

interface LayerPictures {
  generation: number;
  tiles: Map<string, Picture>;
  page: Page | null;
}

/** The pictures of one layer take at most so much memory; those of a very wide layer are kept smaller. */
const LAYER_BYTES = 192 * 2 ** 20;
const ALL_BYTES = 384 * 2 ** 20;
const PAGE_PIXELS = 1024;

export class Pictures {
  #layers = new Map<string, LayerPictures>();
  #listeners = new Map<string, Set<Listener>>();
  #bytes = new Map<string, number>();

  /** @param makeCanvas Makes a canvas of a width and a height. */
  constructor(private readonly makeCanvas: (width: number, height: number) => HTMLCanvasElement) {}

  get(layer: string, unit: number, sign: Sign): Picture | undefined {
    return this.#layers.get(layer)?.tiles.get(`${unit}:${sign}`);
  }

  /** Units of a layer that have a picture, in order. */
  units(layer: string): number[] {
    const tiles = this.#layers.get(layer)?.tiles.values() ?? [];
    return [...tiles].flatMap(({ unit, sign }) => (sign > 0 ? [unit] : [])).sort((one, two) => one - two);
  }

  /** Whether a frame is of an older generation than what its layer shows by now. */
  isOld(frame: Frame): boolean {
    return frame.generation < (this.#layers.get(frame.layer)?.generation ?? 0);
  }

  /** Calls back at once with each new picture of a tile, which must be drawn then and there; returns what ends that. */
  watch(layer: string, unit: number, sign: Sign, listener: Listener): () => void {
    const key = `${layer}:${unit}:${sign}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  /**
   * Takes the tiles of a decoded frame, unless they are old.
   *
   * @param units How many units the layer has; decides at which size they are kept.
   */
  take(frame: Frame, atlas: CanvasImageSource, units: number): void {
    if (this.isOld(frame)) return;
    const layer = this.#layerOf(frame);
    const key = (tile: FrameTile): string => `${tile.unit}:${tile.sign}`;
    const before = new Map(layer.tiles);
    const arrived = frame.tiles.map((tile, index): Picture => {
      const [row, column] = [Math.floor(index / frame.columns), index % frame.columns];
      const place = { source: atlas, left: column * frame.width, top: row * frame.height };
      return { ...tile, ...place, width: frame.width, height: frame.height, generation: frame.generation };
    });
    // Whoever shows a tile draws it from the frame: to draw from a page that has just been changed copies the page.
    for (const picture of arrived) layer.tiles.set(key(picture), picture);
    for (const picture of arrived) {
      for (const listener of this.#listeners.get(`${frame.layer}:${key(picture)}`) ?? []) listener(picture);
    }
    const { width, height } = keptSize(frame, units);
    for (const picture of arrived) {
      const old = before.get(key(picture));
      const fits = old?.width === width && old.height === height;
      const place = fits ? old : this.#newPlace(frame.layer, layer, width, height);
      const { source, left, top } = place;
      const context = (source as HTMLCanvasElement).getContext("2d");
      context?.drawImage(atlas, picture.left, picture.top, frame.width, frame.height, left, top, width, height);
      layer.tiles.set(key(picture), { ...picture, source, left, top, width, height });
    }
  }

  /**
   * Drops the layers shown longest ago until the rest fits into memory.
   *
   * @returns Whether the layer that is shown now had been dropped before, so that Python must send it again.
   */
  show(layer: string): boolean {
    const kept = this.#layers.get(layer);
    if (kept) {
      this.#layers.delete(layer);
      this.#layers.set(layer, kept); // the order of a Map is the order of use
    }
    const dropped = this.#bytes.get(layer) === 0;
    for (const [name] of this.#layers) {
      const total = [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
      if (total <= ALL_BYTES || name === layer) break;
      this.#layers.delete(name);
      this.#bytes.set(name, 0);
    }
    if (dropped) this.#bytes.delete(layer);
    return dropped;
  }

  clear(): void {
    this.#layers.clear();
    this.#bytes.clear();
  }

  #layerOf(frame: Frame): LayerPictures {
    const layer = this.#layers.get(frame.layer) ?? { generation: frame.generation, tiles: new Map(), page: null };
    layer.generation = frame.generation;
    this.#layers.set(frame.layer, layer);
    return layer;
  }

  #newPlace(
    name: string,
    layer: LayerPictures,
    width: number,
    height: number,
  ): Pick<Picture, "source" | "left" | "top"> {
    if (!layer.page?.fits(width, height)) {
      layer.page = new Page(this.makeCanvas, width, height);
      this.#bytes.set(name, (this.#bytes.get(name) ?? 0) + layer.page.bytes);
    }
    return layer.page.next();
  }
}

/** Height and width at which the tiles of a frame are kept. */
export function keptSize(frame: Pick<Frame, "width" | "height">, units: number): { width: number; height: number } {
  const bytes = 4 * frame.width * frame.height * Math.max(units, 1);
  const scale = Math.min(1, Math.sqrt(LAYER_BYTES / bytes));
  return { width: Math.max(1, Math.floor(frame.width * scale)), height: Math.max(1, Math.floor(frame.height * scale)) };
}

/** A canvas with places for tiles of one size. Old pages go when no tile points to them any more. */
class Page {
  readonly bytes: number;
  #columns: number;
  #places: number;
  #taken = 0;
  #canvas: HTMLCanvasElement;

  constructor(
    makeCanvas: (width: number, height: number) => HTMLCanvasElement,
    private readonly width: number,
    private readonly height: number,
  ) {
    this.#columns = Math.max(1, Math.floor(PAGE_PIXELS / width));
    const rows = Math.max(1, Math.floor(PAGE_PIXELS / height));
    this.#places = this.#columns * rows;
    this.#canvas = makeCanvas(this.#columns * width, rows * height);
    this.bytes = 4 * this.#canvas.width * this.#canvas.height;
  }

  fits(width: number, height: number): boolean {
    return width === this.width && height === this.height && this.#taken < this.#places;
  }

  next(): Pick<Picture, "source" | "left" | "top"> {
    const [row, column] = [Math.floor(this.#taken / this.#columns), this.#taken % this.#columns];
    this.#taken += 1;
    return { source: this.#canvas, left: column * this.width, top: row * this.height };
  }
}

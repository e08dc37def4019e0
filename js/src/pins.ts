// The pictures in the tray. Each is a copy: a pin shows what it was pinned for, whatever the layer does later.
import { type Signal, signal } from "@preact/signals";
import type { Frame } from "./messages";
import type { Picture, Pictures } from "./pictures";
import { writeLink } from "./pure/link";
import type { Pin } from "./traits";

export interface PinPicture {
  canvas: HTMLCanvasElement;
  step: number;
  score: number | null;
}

export class PinPictures {
  #kept = new Map<string, Signal<PinPicture | null>>();

  constructor(
    private readonly pictures: Pictures,
    private readonly makeCanvas: (width: number, height: number) => HTMLCanvasElement,
  ) {}

  of(pin: Pin): Signal<PinPicture | null> {
    const key = keyOf(pin);
    const kept = this.#kept.get(key) ?? signal<PinPicture | null>(null);
    this.#kept.set(key, kept);
    if (!kept.peek()) this.keep(pin);
    return kept;
  }

  /** Copies the picture that a tile shows now, if it is of the generation that is pinned. */
  keep(pin: Pin): void {
    const picture = this.pictures.get(pin.layer, pin.unit, pin.sign);
    if (picture?.generation === pin.generation) this.#copy(keyOf(pin), picture);
  }

  /** Takes from a frame what is pinned, also where its layer has gone on to another generation. */
  take(frame: Frame, atlas: CanvasImageSource, pins: Pin[]): void {
    for (const pin of pins) {
      if (pin.layer !== frame.layer || pin.generation !== frame.generation) continue;
      const index = frame.tiles.findIndex(({ unit, sign }) => unit === pin.unit && sign === pin.sign);
      const tile = frame.tiles[index];
      if (!tile) continue;
      const [row, column] = [Math.floor(index / frame.columns), index % frame.columns];
      const { width, height, generation } = frame;
      const place = { source: atlas, left: column * width, top: row * height, width, height };
      this.#copy(keyOf(pin), { ...tile, ...place, generation });
    }
  }

  #copy(key: string, picture: Picture): void {
    const { source, left, top, width, height, step, score } = picture;
    const canvas = this.makeCanvas(width, height);
    canvas.getContext("2d")?.drawImage(source, left, top, width, height, 0, 0, width, height);
    const kept = this.#kept.get(key) ?? signal<PinPicture | null>(null);
    this.#kept.set(key, kept);
    kept.value = { canvas, step, score };
  }
}

function keyOf(pin: Pin): string {
  return `${writeLink(pin)}@${pin.generation}`;
}

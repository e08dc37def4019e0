// Decodes frames in order, draws them inside an animation frame, and only then says that they were drawn.
import { type Bytes, bytesOf, type Frame } from "./messages";

export function decode(buffer: Bytes): Promise<ImageBitmap> {
  return createImageBitmap(new Blob([bytesOf(buffer)], { type: "image/jpeg" }));
}

interface Drawable {
  frame: Frame;
  atlas: Promise<ImageBitmap | null>;
}

export class FrameQueue {
  #queue: Drawable[] = [];
  #running = false;
  #ended = false;

  /**
   * @param draw Takes a frame and its decoded picture.
   * @param drawn Called when a frame is on the screen, or cannot be.
   */
  constructor(
    private readonly draw: (frame: Frame, atlas: ImageBitmap) => void,
    private readonly drawn: (frame: Frame) => void,
  ) {}

  add(frame: Frame, buffer: Bytes | undefined): void {
    const atlas = buffer ? decode(buffer).catch(() => null) : Promise.resolve(null);
    this.#queue.push({ frame, atlas });
    if (!this.#running) void this.#run();
  }

  end(): void {
    this.#ended = true;
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const atlas = await next.atlas;
      await new Promise(requestAnimationFrame);
      if (!this.#ended) {
        if (atlas) this.draw(next.frame, atlas);
        this.drawn(next.frame); // a frame that cannot be decoded is acknowledged too: Python must not wait for it
      }
      atlas?.close();
    }
    this.#running = false;
  }
}

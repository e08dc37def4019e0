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
      await nextPaint();
      if (!this.#ended) {
        if (atlas) this.draw(next.frame, atlas);
        // A frame that cannot be decoded is acknowledged too: Python must not wait for it. A page that nobody sees draws
        // what comes, so that nothing piles up, but says nothing, so that little comes.
        if (!document.hidden) this.drawn(next.frame);
      }
      atlas?.close();
    }
    this.#running = false;
  }
}

/** The next animation frame; at once where the page is hidden or becomes so, because there are none then. */
function nextPaint(): Promise<void> {
  if (document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const go = (): void => {
      document.removeEventListener("visibilitychange", go);
      resolve();
    };
    requestAnimationFrame(go);
    document.addEventListener("visibilitychange", go);
  });
}

// Says which frames were drawn, several in one message where many come.

/**
 * Least time between two messages. Each costs the kernel a turn from idle to busy and back, which every part of the page
 * that shows the kernel's state draws; Python sends up to three frames meanwhile.
 */
const PAUSE_MILLISECONDS = 120;

export class Acknowledger {
  #drawn = 0;
  #said = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param say Says that this frame and all before it were drawn. */
  constructor(private readonly say: (id: number) => void) {}

  add(id: number): void {
    this.#drawn = id;
    const wait = this.#said + PAUSE_MILLISECONDS - performance.now();
    if (wait <= 0) this.#speak();
    else this.#timer ??= setTimeout(() => this.#speak(), wait);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #speak(): void {
    this.end();
    this.#said = performance.now();
    this.say(this.#drawn);
  }
}

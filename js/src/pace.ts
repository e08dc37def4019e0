// Does something at once, but not often: what comes too soon is done once, later.

/**
 * An action that is asked for more often than it is done. The first time it is done at once, and the last is never lost.
 */
export class Pace {
  #done = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param milliseconds The least time between two times.
   * @param action What is done.
   */
  constructor(
    private readonly milliseconds: number,
    private readonly action: () => void,
  ) {}

  ask(): void {
    const wait = this.#done + this.milliseconds - performance.now();
    if (wait <= 0) this.#act();
    else this.#timer ??= setTimeout(() => this.#act(), wait);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #act(): void {
    this.end();
    this.#done = performance.now();
    this.action();
  }
}

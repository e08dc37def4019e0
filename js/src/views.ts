// The open views of one model: what each has in sight, and what Python is told of them.
import type { Outbox } from "./outbox";

/** A climb that is silent for so long is asked whether it is still there. */
const PROBE_MILLISECONDS = 5_000;
/** How often Python is told that a view is still open. */
const ALIVE_MILLISECONDS = 10_000;

export interface Shown {
  /** Whether there is a Python to tell. */
  hasKernel: boolean;
  /** The layer on the screen. */
  layer: () => string;
  /** Whether pictures are expected now. */
  climbs: () => boolean;
}

export class Views {
  /** What each view has in sight, and of which layer: a hidden view does not follow to another. */
  #views = new Map<string, { layer: string; units: number[] }>();
  #next = 0;
  #probe: ReturnType<typeof setInterval> | undefined;
  #saidAlive = 0;
  #unfollow: () => void = () => {};

  constructor(
    private readonly outbox: Outbox,
    private readonly shown: Shown,
  ) {
    if (shown.hasKernel) this.#followPage();
  }

  get names(): string[] {
    return [...this.#views.keys()];
  }

  get isEmpty(): boolean {
    return this.#views.size === 0;
  }

  /** Opens a view; returns its name. */
  open(): string {
    this.outbox.open();
    this.#next += 1;
    const view = `${Math.random().toString(36).slice(2)}-${this.#next}`;
    this.#views.set(view, { layer: this.shown.layer(), units: [] });
    this.outbox.post({ type: "hello", view });
    this.#saidAlive = Date.now();
    if (this.shown.hasKernel) this.#probe ??= setInterval(() => this.#probeKernel(), PROBE_MILLISECONDS);
    return view;
  }

  /** Closes a view; with the last one nothing more is sent. */
  close(view: string): void {
    if (!this.#views.delete(view)) return;
    this.outbox.post({ type: "goodbye", view });
    if (!this.isEmpty) return;
    this.outbox.close();
    clearInterval(this.#probe);
    this.#probe = undefined;
  }

  /** Asks for all that any view needs; one is enough to ask. */
  askAgain(): void {
    const [view] = this.#views.keys();
    if (view !== undefined) this.outbox.post({ type: "hello", view });
  }

  /** Says which units a view has on the screen; Python hears of those of all views. */
  see(view: string, units: number[]): void {
    const known = this.#views.get(view);
    const layer = this.shown.layer();
    if (!known || !this.shown.hasKernel || (known.layer === layer && sameNumbers(known.units, units))) return;
    this.#views.set(view, { layer, units });
    this.#sayVisible();
  }

  /**
   * Says from time to time that somebody still looks, because a page that dies says nothing. Called by what comes from
   * Python too, and not by the clock alone: in a hidden page the clock hardly goes.
   */
  sayAlive(): void {
    const now = Date.now();
    if (!this.shown.hasKernel || this.isEmpty || now - this.#saidAlive < ALIVE_MILLISECONDS) return;
    this.#saidAlive = now;
    this.outbox.post({ type: "alive", views: this.names });
  }

  /** Closes them all, and listens to the page no more. */
  end(): void {
    for (const view of this.names) this.close(view);
    this.#unfollow();
  }

  #sayVisible(): void {
    const layer = this.shown.layer();
    const units = [...this.#views.values()].flatMap((view) => (view.layer === layer ? view.units : []));
    this.outbox.post({ type: "visible", layer, units: [...new Set(units)] });
  }

  /** Says something that needs an answer when a climb has been silent: its kernel may have died. */
  #probeKernel(): void {
    this.sayAlive();
    if (this.shown.climbs() && this.outbox.silentMilliseconds > PROBE_MILLISECONDS) this.#sayVisible();
  }

  /** Says goodbye when the page is left, and hello where the browser brings it back as it was. */
  #followPage(): void {
    const say = (type: "hello" | "goodbye"): void => {
      for (const view of this.names) this.outbox.post({ type, view });
    };
    const leave = (): void => say("goodbye");
    const comeBack = ({ persisted }: PageTransitionEvent): void => {
      if (persisted) say("hello");
    };
    addEventListener("pagehide", leave);
    addEventListener("pageshow", comeBack);
    this.#unfollow = () => {
      removeEventListener("pagehide", leave);
      removeEventListener("pageshow", comeBack);
    };
  }
}

function sameNumbers(one: number[], two: number[]): boolean {
  return one.length === two.length && one.every((value, index) => value === two[index]);
}

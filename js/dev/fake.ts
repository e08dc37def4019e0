// Stands in for Python: climbs pictures at a pace, answers as docs/explorer.md says, and streams frames.
import type { Frame, FrameTile, Model, Outgoing } from "../src/messages";
import { expectedStages } from "../src/pure/stages";
import type { Pin, Settings, Sign, State, Status, Traits } from "../src/traits";

type Listener = (...values: never[]) => void;

interface Tile {
  step: number;
  state: State;
  scores: number[];
}

export interface Scenario {
  tilePixels: number;
  stepsPerTick: number;
  /** Units that end badly. */
  dead: number[];
  diverged: number[];
  answers: boolean;
  paint: (context: CanvasRenderingContext2D, tile: { unit: number; sign: Sign; layer: string }, share: number) => void;
}

export class FakePython implements Model {
  readonly sent: Outgoing[] = [];
  #traits: Record<string, unknown>;
  #listeners = new Map<string, Set<Listener>>();
  #tiles = new Map<string, Tile>();
  #stale = new Set<string>();
  #visible: number[] = [];
  #unacknowledged = new Set<number>();
  #nextFrame = 0;
  #generation = 1;
  #timer: number | undefined;
  #busy = false;

  constructor(
    traits: Partial<Traits>,
    private readonly scenario: Scenario,
  ) {
    this.#traits = { ...traits };
  }

  get(name: string): unknown {
    return this.#traits[name];
  }

  set(name: string, value: unknown): void {
    if (this.#traits[name] === value) return;
    this.#traits[name] = value;
    for (const listener of this.#listeners.get(`change:${name}`) ?? []) listener();
  }

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener));
  }

  off(name: string, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener);
  }

  send(content: unknown): void {
    const message = content as Outgoing & { serial?: number };
    this.sent.push(message);
    if (this.scenario.answers) setTimeout(() => this.#handle(message), 20);
  }

  /** Climbs until everything in view is at a share of its steps, at once. */
  jumpTo(share: number): void {
    for (const unit of this.#units) {
      const tile = this.#tile(unit, 1);
      const step = Math.round(this.#settings.steps * share * (0.7 + 0.3 * Math.sin(unit)));
      for (let made = tile.step; made < step; made++) this.#advance(unit, 1);
    }
    for (let made = 0; made < this.#tile(this.#unit, 1).step; made++) this.#advance(this.#unit, -1);
    this.#report();
  }

  start(): void {
    this.#say("climbing");
    clearInterval(this.#timer);
    this.#timer = window.setInterval(() => this.#tick(), 60);
  }

  stop(phase: Status["phase"]): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (phase === "stopped") for (const tile of this.#tiles.values()) if (tile.state === "c") tile.state = "s";
    this.#say(phase);
    void this.#stream();
  }

  get #settings(): Settings {
    return this.#traits.settings as Settings;
  }

  get #units(): number[] {
    return this.#traits.units as number[];
  }

  get #unit(): number {
    return this.#traits.unit as number;
  }

  get #layer(): string {
    return this.#traits.layer as string;
  }

  #tile(unit: number, sign: Sign): Tile {
    const key = `${this.#layer}:${unit}:${sign}`;
    const tile = this.#tiles.get(key) ?? { step: 0, state: "w", scores: [] };
    this.#tiles.set(key, tile);
    return tile;
  }

  #handle(message: Outgoing & { serial?: number }): void {
    if (message.type === "ack")
      for (const id of this.#unacknowledged) if (id <= message.id) this.#unacknowledged.delete(id);
    if (message.type === "hello") {
      this.#unacknowledged.clear();
      this.#markAll();
    }
    if (message.type === "visible") this.#visible = message.units;
    if (message.type === "set") this.#take(message.changes as Record<string, unknown>);
    if (message.type === "command") {
      if (message.command === "restart") this.#restart();
      if (message.command === "start" || message.command === "restart") this.start();
      else this.stop(message.command === "pause" ? "paused" : "stopped");
    }
    if (message.type === "file") this.#emit({ type: "file", name: "grid.png" }, [new Uint8Array([1, 2, 3])]);
    if (message.serial !== undefined) this.#emit({ type: "heard", serial: message.serial }, []);
    void this.#stream();
    void this.#sendUnit();
  }

  #take(changes: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(changes)) this.set(name, value);
    if ("layer" in changes) {
      const layers = this.#traits.layers as Traits["layers"];
      const units = layers.find(({ name }) => name === this.#layer)?.units ?? 0;
      this.set("units", [...Array(units).keys()]);
      this.#generation += 1;
      this.start();
    }
    if ("settings" in changes) {
      this.#restart();
      this.start();
    }
    this.#report();
  }

  #restart(): void {
    this.#generation += 1;
    this.#tiles.clear();
    this.#markAll();
  }

  #markAll(): void {
    for (const unit of this.#units) this.#stale.add(`${unit}:1`);
    this.#stale.add(`${this.#unit}:-1`);
  }

  #tick(): void {
    const wanted = this.#visible.length > 0 ? this.#visible : this.#units;
    for (let each = 0; each < this.scenario.stepsPerTick; each++) {
      for (const unit of wanted.slice(0, 64)) this.#advance(unit, 1);
      this.#advance(this.#unit, 1);
      this.#advance(this.#unit, -1);
    }
    this.#report();
    void this.#stream();
    void this.#sendUnit();
  }

  #advance(unit: number, sign: Sign): void {
    const tile = this.#tile(unit, sign);
    if (tile.state !== "w" && tile.state !== "c") return;
    const { steps } = this.#settings;
    tile.state = "c";
    tile.step += 1;
    const share = tile.step / steps;
    const noise = Math.sin(tile.step * 12.9898 + unit * 78.233) * 0.6;
    tile.scores.push(
      (3 + (unit % 7)) * (1 - Math.exp(-5 * share)) * (sign > 0 ? 1 : 0.6) + noise * (0.3 + share) - 0.4,
    );
    if (this.scenario.dead.includes(unit) && tile.step >= 8) tile.state = "x";
    else if (this.scenario.diverged.includes(unit) && tile.step >= 24) tile.state = "v";
    else if (tile.step >= steps) tile.state = "d";
    this.#stale.add(`${unit}:${sign}`);
  }

  #report(): void {
    const tiles = this.#units.map((unit) => this.#tile(unit, 1));
    this.set("states", tiles.map(({ state }) => state).join(""));
    this.#say((this.#traits.status as Status).phase);
  }

  #say(phase: Status["phase"]): void {
    const tiles = this.#units.map((unit) => this.#tile(unit, 1));
    const total = this.#units.length;
    const finished = tiles.filter(({ state }) => state !== "w" && state !== "c").length;
    const { steps } = this.#settings;
    const image_steps = tiles.reduce(
      (sum, tile) => sum + (tile.state === "x" || tile.state === "v" ? steps : tile.step),
      0,
    );
    this.set("status", {
      phase: finished === total && phase === "climbing" ? "done" : phase,
      generation: this.#generation,
      finished,
      total,
      image_steps,
      total_image_steps: total * steps,
      seconds_left: ((total * steps - image_steps) / 640) | 0,
      steps_per_second: 213.4,
      message: "",
    } satisfies Status);
  }

  async #stream(): Promise<void> {
    if (this.#busy || this.#unacknowledged.size >= 2) return;
    const pins = (this.#traits.pins as Pin[]).filter(({ layer }) => layer === this.#layer).map(({ unit }) => unit);
    const wanted = [...new Set([...this.#visible, this.#unit, ...pins])];
    const keys = wanted
      .flatMap((unit) => [`${unit}:1`, `${unit}:-1`])
      .filter((key) => this.#stale.has(key))
      .slice(0, 128);
    const tiles = keys.map((key) => key.split(":").map(Number) as [number, Sign]);
    if (tiles.length === 0) return;
    this.#busy = true;
    for (const key of keys) this.#stale.delete(key);
    const side = this.scenario.tilePixels;
    const columns = Math.ceil(Math.sqrt(tiles.length));
    const canvas = new OffscreenCanvas(columns * side, Math.ceil(tiles.length / columns) * side);
    const described = tiles.map(([unit, sign], index): FrameTile => {
      this.#paint(canvas, unit, sign, (index % columns) * side, Math.floor(index / columns) * side);
      const { step, state, scores } = this.#tile(unit, sign);
      return { unit, sign, step, score: scores.at(-1) ?? null, state };
    });
    const id = ++this.#nextFrame;
    this.#unacknowledged.add(id);
    const size = { height: side, width: side, columns };
    const frame: Frame = {
      type: "frame",
      id,
      layer: this.#layer,
      generation: this.#generation,
      ...size,
      tiles: described,
    };
    const bytes = await jpeg(canvas);
    this.#emit(frame, [bytes]);
    this.#busy = false;
  }

  async #sendUnit(): Promise<void> {
    const [unit, layer, generation] = [this.#unit, this.#layer, this.#generation];
    const side = Math.max(this.scenario.tilePixels, 128);
    for (const sign of [1, -1] as const) {
      const tile = this.#tile(unit, sign);
      const stages = [
        ...new Set([...expectedStages(this.#settings.steps).filter((step) => step < tile.step), tile.step]),
      ];
      const canvas = new OffscreenCanvas(stages.length * side, side);
      for (const [index, step] of stages.entries()) this.#paint(canvas, unit, sign, index * side, 0, step, side);
      const bytes = await jpeg(canvas);
      const message = tile.state === "x" ? "No gradient reaches this unit: it is dead." : "";
      const scores = [...tile.scores];
      this.#emit(
        {
          type: "unit",
          layer,
          unit,
          sign,
          generation,
          message,
          stages,
          height: side,
          width: side,
          steps: scores.map((_, step) => step),
          scores,
        },
        [bytes],
      );
    }
  }

  #paint(
    canvas: OffscreenCanvas,
    unit: number,
    sign: Sign,
    left: number,
    top: number,
    step?: number,
    side?: number,
  ): void {
    const context = canvas.getContext("2d") as unknown as CanvasRenderingContext2D;
    const size = side ?? this.scenario.tilePixels;
    context.save();
    context.translate(left, top);
    context.scale(size / 128, size / 128);
    const share = (step ?? this.#tile(unit, sign).step) / this.#settings.steps;
    const bad = this.#tile(unit, sign).state === "x";
    this.scenario.paint(context, { unit, sign, layer: this.#layer }, bad ? 0 : Math.min(1, share));
    context.restore();
  }

  #emit(content: unknown, buffers: Uint8Array[]): void {
    const views = buffers.map(({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength));
    for (const listener of this.#listeners.get("msg:custom") ?? []) listener(...([content, views] as never[]));
  }
}

async function jpeg(canvas: OffscreenCanvas): Promise<Uint8Array> {
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  return new Uint8Array(await blob.arrayBuffer());
}

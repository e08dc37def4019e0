// One store for each model, shared by its views: the traits as signals, the pictures, and the way to Python.
import { batch, type Signal, signal } from "@preact/signals";
import { Arrivals } from "./arrivals";
import { saveBytes } from "./browser";
import { FrameQueue } from "./frames";
import { type Bytes, bytesOf, type Command, type Frame, type Incoming, type Model } from "./messages";
import { type Connection, Outbox } from "./outbox";
import { Pace } from "./pace";
import { Pictures } from "./pictures";
import { PinPictures } from "./pins";
import { type Link, writeLink } from "./pure/link";
import { closest } from "./pure/selection";
import { UnitRecords } from "./records";
import { type Changes, DEFAULTS, type Layer, type Pin, type State, type TraitName, type Traits } from "./traits";
import { Views } from "./views";

type TraitSignals = { readonly [Name in TraitName]: Signal<Traits[Name]> };

/**
 * Between two acknowledgements of frames. Each turns the kernel busy and idle again, for which JupyterLab draws its bars and
 * the browser the tab's icon; Python lets more frames be on their way for it.
 */
const ACKNOWLEDGE_MILLISECONDS = 500;
const NAMES = Object.keys(DEFAULTS) as TraitName[];
/** What Python's code renders. */
const CODED: readonly TraitName[] = ["layer", "units", "unit", "settings", "numbers"];

export class Store {
  readonly traits: TraitSignals;
  readonly connection = signal<Connection>("answering");
  readonly #arrivals = new Arrivals();
  /** Whether a layer was chosen of which Python has said nothing yet. */
  readonly #awaitsLayer = signal(false);
  /** Whether something was chosen of which Python has not yet said the code. */
  readonly awaitsCode = signal(false);
  /** Counts how often a unit was opened by its name: its tile is shown then, even if it was chosen already. */
  readonly opened = signal(0);
  readonly pictures = new Pictures(makeCanvas);
  readonly pinPictures = new PinPictures(this.pictures, makeCanvas);
  readonly records: UnitRecords;
  #outbox: Outbox;
  #views: Views;
  #frames: FrameQueue;
  #drawn = 0;
  #acknowledge = new Pace(ACKNOWLEDGE_MILLISECONDS, () => this.#outbox.post({ type: "ack", id: this.#drawn }));
  #ends: (() => void)[] = [];

  constructor(private readonly model: Model) {
    const read = <Name extends TraitName>(name: Name): Traits[Name] =>
      (model.get(name) as Traits[Name] | undefined) ?? DEFAULTS[name];
    this.traits = Object.fromEntries(NAMES.map((name) => [name, signal(read(name))])) as unknown as TraitSignals;
    this.records = new UnitRecords(this.hasKernel);
    this.#outbox = new Outbox(
      (message) => model.send(message),
      (connection) => {
        this.connection.value = connection;
      },
    );
    this.#frames = new FrameQueue(
      (frame, atlas) => this.#draw(frame, atlas),
      ({ id }) => {
        this.#drawn = id;
        this.#acknowledge.ask();
      },
    );
    this.#views = new Views(this.#outbox, {
      hasKernel: this.hasKernel,
      layer: () => this.traits.layer.peek(),
      climbs: () => ["climbing", "preparing"].includes(this.traits.status.peek().phase),
    });
    for (const name of NAMES) this.#listen(`change:${name}`, () => this.#follow(name));
    // ipywidgets says so when a kernel restarts: then this model's Python is gone for good.
    this.#listen("comm_live_update", () => this.#outbox.lose());
    this.#listen("msg:custom", (content: Incoming, buffers?: Bytes[]) => this.#receive(content, buffers ?? []));
  }

  get hasKernel(): boolean {
    return this.traits.kernel.peek();
  }

  /** Whether Python can be asked for something now. */
  get canAsk(): boolean {
    return this.hasKernel && this.connection.value !== "gone";
  }

  /** The layer on the screen. */
  get layer(): Layer | undefined {
    return this.layerNamed(this.traits.layer.value);
  }

  layerNamed(name: string): Layer | undefined {
    return this.traits.layers.value.find((layer) => layer.name === name);
  }

  aspectOf(layer: string): number {
    return this.#arrivals.aspectOf(layer);
  }

  /** Whether the units are presets, which have names and no numbers. */
  get isBench(): boolean {
    return this.traits.kind.value === "bench";
  }

  /** The word for units of a layer. */
  unitWord(layer: Layer, count = 1): string {
    if (this.isBench) return count === 1 ? "preset" : "presets";
    if (layer.classes) return count === 1 ? "class" : "classes";
    return count === 1 ? "unit" : "units";
  }

  /** What a unit is called, or was under a former generation: the class where units are classes, or nothing. */
  className(layer: Layer | undefined, unit: number, generation?: number): string {
    const names = this.traits.class_names.value;
    const classes = layer?.classes ?? "";
    return (names[`${classes}@${generation}`] ?? names[classes])?.[unit] ?? "";
  }

  /** Opens a view; returns its name. */
  openView(): string {
    return this.#views.open();
  }

  closeView(view: string): void {
    this.#views.close(view);
    if (this.#views.isEmpty) this.pictures.clear();
  }

  /** Says which units a view has on the screen. */
  setVisible(view: string, units: number[]): void {
    this.#views.see(view, units);
  }

  /** Undoes everything; the model is free of listeners. */
  end(): void {
    this.#views.end();
    this.pictures.clear();
    for (const end of this.#ends) end();
    this.#ends = [];
    this.#frames.end();
    this.#acknowledge.end();
    this.#outbox.close();
  }

  /** Changes traits: on the screen at once, in Python as soon as it listens. */
  set(changes: Changes): void {
    // Before the model: its listeners must find these traits edited.
    if (this.hasKernel) this.#outbox.post({ type: "set", changes });
    batch(() => {
      for (const [name, value] of Object.entries(changes) as [TraitName, never][]) {
        this.traits[name].value = value;
        this.model.set(name, value);
      }
      this.#awaitCode();
    });
    if (changes.layer === undefined) return;
    this.#awaitsLayer.value = this.hasKernel;
    this.#showLayer(changes.layer);
  }

  /**
   * Puts a layer, and perhaps one of its units, on the screen.
   *
   * @returns The unit: a page that does not hold the one that was asked for shows the closest.
   */
  open(name: string, wanted?: number): number | undefined {
    const layer = this.layerNamed(name);
    if (!layer || !this.canOpen(name)) return undefined;
    const held = this.hasKernel ? null : this.#arrivals.unitsOf(name);
    const unit = held && wanted !== undefined ? closest(held.units, wanted) : wanted;
    if (unit !== undefined) this.opened.value += 1;
    if (name === this.traits.layer.peek()) {
      if (unit !== undefined) this.set({ unit });
    } else if (held) {
      const { units, states } = held;
      this.traits.states.value = states;
      this.set({ layer: name, units, unit: unit ?? units[0] ?? 0, selection: [] });
    } else this.set({ layer: name, unit: unit ?? Math.min(this.traits.unit.peek(), layer.units - 1), selection: [] });
    return unit;
  }

  canOpen(name: string): boolean {
    return this.traits.kernel.value || this.#arrivals.has(name);
  }

  /** Whether any layer inside a module can be opened. */
  canOpenIn(path: string): boolean {
    return this.traits.kernel.value || this.#arrivals.hasInside(path);
  }

  /** The greatest number of a unit that there is to see; a page may hold but some units of a layer. */
  lastUnit(layer: Layer): number {
    const held = this.traits.kernel.value ? [] : this.#arrivals.unitsOf(layer.name).units;
    return Math.max(layer.units - 1, held.at(-1) ?? 0);
  }

  /** Whether a picture can be expected: on a page only what was rendered before is ever there. */
  hasTile({ layer, unit, sign }: Link): boolean {
    return this.traits.kernel.value || this.#arrivals.hasTile(layer, unit, sign);
  }

  command(command: Command): void {
    this.#outbox.post({ type: "command", command });
  }

  requestFile(what: "grid" | Link | Pin): void {
    this.#outbox.post(what === "grid" ? { type: "file", what } : { type: "file", what: "unit", ...what });
  }

  /** State of a unit of the grid; a page that was written amid a climb is not climbing. */
  stateOf(index: number): State {
    if (this.#awaitsLayer.value) return "w"; // the states are still those of the layer before
    const state = (this.traits.states.value[index] as State | undefined) ?? "w";
    return state === "c" && !this.traits.kernel.value ? "s" : state;
  }

  /** The pin of a tile as it is now; under other settings the same tile may be pinned once more, to compare. */
  pinOf(link: Link): Pin | undefined {
    const generation = this.#generationOf(link);
    return this.traits.pins.value.find((pin) => writeLink(pin) === writeLink(link) && pin.generation === generation);
  }

  /** Keeps a tile in the tray as it is now, or lets go of it. */
  togglePin(link: Link): void {
    const pinned = this.pinOf(link);
    if (pinned) {
      this.unpin(pinned);
      return;
    }
    const pin: Pin = { ...link, generation: this.#generationOf(link) };
    this.pinPictures.keep(pin);
    this.set({ pins: [...this.traits.pins.peek(), pin] });
  }

  unpin(pin: Pin): void {
    this.set({ pins: this.traits.pins.peek().filter((each) => each !== pin) });
  }

  #generationOf({ layer, unit, sign }: Link): number {
    return this.pictures.get(layer, unit, sign)?.generation ?? this.traits.status.value.generation;
  }

  #awaitCode(): void {
    this.awaitsCode.value = CODED.some((name) => this.#outbox.isEdited(name));
  }

  #follow(name: TraitName): void {
    this.#outbox.signOfLife();
    this.#views.sayAlive();
    if (!this.#outbox.isEdited(name)) this.#adopt(name);
  }

  #adopt(name: TraitName): void {
    (this.traits[name] as Signal<unknown>).value = this.model.get(name) ?? DEFAULTS[name];
    if (name !== "layer") return;
    this.#awaitsLayer.value = false;
    this.#showLayer(this.traits.layer.peek());
  }

  #receive(content: Incoming, buffers: Bytes[]): void {
    if (this.#views.isEmpty) return;
    this.#outbox.signOfLife();
    this.#views.sayAlive();
    if (content.type === "heard") {
      const settled = this.#outbox.heard(content.serial);
      batch(() => {
        for (const name of settled) this.#adopt(name);
        this.#awaitCode();
      });
    } else if (content.type === "frame") {
      this.#arrivals.noteAspect(content);
      if (!this.hasKernel) this.#arrivals.noteUnits(content);
      this.#frames.add(content, buffers[0]);
    } else if (content.type === "unit") {
      this.records.take(content, buffers[0], this.#isChosen(content.layer, content.unit));
    } else if (content.type === "file" && buffers[0]) {
      saveBytes(content.name, bytesOf(buffers[0]));
    }
  }

  #draw(frame: Frame, atlas: ImageBitmap): void {
    this.pictures.take(frame, atlas, this.layerNamed(frame.layer)?.units ?? frame.tiles.length);
    this.pinPictures.take(frame, atlas, this.traits.pins.peek());
  }

  #isChosen(layer: string, unit: number): boolean {
    return layer === this.traits.layer.peek() && unit === this.traits.unit.peek();
  }

  /** Marks a layer as in use; if its pictures had to make room for others, Python sends them again. */
  #showLayer(layer: string): void {
    if (this.pictures.show(layer)) this.#views.askAgain();
  }

  #listen(name: string, listener: (...values: never[]) => void): void {
    this.model.on(name, listener);
    this.#ends.push(() => this.model.off(name, listener));
  }
}

function makeCanvas(width: number, height: number): HTMLCanvasElement {
  return Object.assign(document.createElement("canvas"), { width, height });
}

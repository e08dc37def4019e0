import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import makeWidget, { type Widget } from "../src/index";
import type { Frame, FrameTile } from "../src/messages";
import type { Traits } from "../src/traits";
import { prepareBrowser, settle } from "./browser";
import { layer, TestModel } from "./model";

const MARKUP = "<img src=x onerror=alert(1)>";
const LAYERS = [layer("stem/conv", 40), layer("stage1/conv", 2000), layer(MARKUP, 4), layer("logits", 3, "classes")];
const CLASSES = ["tench", MARKUP, "strawberry"];

let model: TestModel;
let widget: Widget;
let end: () => void;
let closers: (() => void)[];

function start(traits: Partial<Traits> = {}): void {
  model = new TestModel({
    layers: LAYERS,
    class_names: { classes: CLASSES },
    input_shape: [28, 28, 3],
    layer: "stem/conv",
    units: [...Array(40).keys()],
    states: "c".repeat(40),
    ...traits,
  });
  widget = makeWidget();
  end = widget.initialize({ model });
}

function open(): ShadowRoot {
  const element = document.createElement("div");
  document.body.append(element);
  closers.push(widget.render({ model, el: element }));
  return element.querySelector(".jaxviz-live")?.shadowRoot as ShadowRoot;
}

function find(root: ParentNode, testid: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
  if (!found) throw new Error(`There is no ${testid}.`);
  return found;
}

function press(target: HTMLElement, key: string, modifiers: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true, ...modifiers });
  target.dispatchEvent(event);
  return event;
}

function frame(id: number, generation: number, tiles: Partial<FrameTile>[], of = "stem/conv"): Frame {
  const full = tiles.map((tile) => ({ unit: 0, sign: 1 as const, step: 0, score: null, state: "c" as const, ...tile }));
  return { type: "frame", id, layer: of, generation, height: 64, width: 64, columns: 8, tiles: full };
}

beforeEach(() => {
  prepareBrowser();
  closers = [];
});

afterEach(() => {
  for (const close of closers) close();
  end();
  document.body.replaceChildren();
});

describe("a page", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"] });
    start();
    open();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("says from time to time that it lives when something comes, and no more when it is closed", () => {
    const [view] = model.of("hello").map((hello) => hello.view);
    const say = (): void => model.say({ type: "heard", serial: 0 });
    say();
    expect(model.of("alive")).toEqual([]);
    vi.setSystemTime(Date.now() + 10_001);
    say();
    say();
    model.set("status", model.get("status"));
    expect(model.of("alive")).toEqual([{ type: "alive", views: [view] }]);
    vi.setSystemTime(Date.now() + 10_001);
    model.set("status", model.get("status"));
    expect(model.of("alive")).toHaveLength(2);
    closers.pop()?.();
    vi.setSystemTime(Date.now() + 10_001);
    say();
    expect(model.of("alive")).toHaveLength(2);
  });

  test("says goodbye when it is left, and hello when the browser brings it back as it was", () => {
    open();
    const views = model.of("hello").map((hello) => hello.view);
    model.answerAll();
    vi.setSystemTime(Date.now() + 1_000);
    dispatchEvent(new Event("pagehide"));
    expect(model.of("goodbye").map((goodbye) => goodbye.view)).toEqual(views);
    dispatchEvent(Object.assign(new Event("pageshow"), { persisted: false }));
    expect(model.of("hello")).toEqual([]);
    dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    expect(model.of("hello").map((hello) => hello.view)).toEqual(views);
  });
});

describe("views", () => {
  test("say hello and goodbye, and leave nothing behind", async () => {
    start();
    const root = open();
    await settle();
    expect(model.of("hello")).toHaveLength(1);
    expect(document.head.textContent).toContain(".jaxviz-live");
    closers.pop()?.();
    expect(model.of("goodbye")).toEqual([{ type: "goodbye", view: model.of("hello")[0]?.view }]);
    expect(root.host.isConnected).toBe(false);
    expect(document.head.textContent).not.toContain(".jaxviz-live");
    end();
    expect(model.listenerCount).toBe(0);
  });

  test("of one model acknowledge a frame once and show the same", async () => {
    start();
    const [one, two] = [open(), open()];
    model.answerAll();
    model.say(frame(7, 1, [{ unit: 3, step: 12, score: 1.5 }]), new ArrayBuffer(8));
    await settle();
    expect(model.of("ack")).toEqual([{ type: "ack", id: 7 }]);
    find(one, "tile-5").click();
    await settle();
    expect((find(two, "unit-number") as HTMLInputElement).value).toBe("5");
    expect(model.of("set")).toHaveLength(1);
  });

  test("that are closed by the signal alone are closed too", async () => {
    start();
    const element = document.createElement("div");
    const controller = new AbortController();
    widget.render({ model, el: element, signal: controller.signal });
    controller.abort();
    expect(model.of("goodbye")).toHaveLength(1);
    expect(element.childElementCount).toBe(0);
  });

  test("in a host that never initializes work, and free the model", async () => {
    start();
    end();
    const root = open();
    await settle();
    expect(find(root, "tile-3").dataset.state).toBe("climbing");
    closers.pop()?.();
    expect(model.listenerCount).toBe(0);
  });
});

describe("frames", () => {
  test("that cannot be decoded are acknowledged, so that Python does not wait", async () => {
    start();
    open();
    globalThis.createImageBitmap = (async () => {
      throw new Error("not a JPEG");
    }) as never;
    model.say(frame(1, 1, [{ unit: 0 }]), new ArrayBuffer(8));
    await settle();
    expect(model.of("ack")).toHaveLength(1);
  });

  test("of an older generation are acknowledged and not shown", async () => {
    start({ unit: 3 });
    const root = open();
    model.say(frame(1, 2, [{ unit: 3, step: 1, score: 2 }]), new ArrayBuffer(8));
    model.say(frame(2, 1, [{ unit: 3, step: 200, score: 9 }]), new ArrayBuffer(8));
    await settle();
    await vi.waitFor(() => expect(model.of("ack").at(-1)).toEqual({ type: "ack", id: 2 }));
    expect(find(root, "score-positive").textContent).toBe("2.00");
    expect(find(root, "step-positive").textContent).toBe("step 1");
  });

  test("are drawn in a page that nobody sees, where no animation frame comes, and not acknowledged", async () => {
    start({ unit: 3 });
    const root = open();
    vi.stubGlobal("requestAnimationFrame", () => 0);
    model.say(frame(1, 1, [{ unit: 3, step: 1, score: 2 }]), new ArrayBuffer(8)); // waits for its animation frame
    await settle();
    const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    document.dispatchEvent(new Event("visibilitychange"));
    model.say(frame(2, 1, [{ unit: 3, step: 9, score: 4 }]), new ArrayBuffer(8));
    await settle();
    hidden.mockRestore();
    prepareBrowser();
    await settle();
    await vi.waitFor(() => expect(find(root, "step-positive").textContent).toBe("step 9"));
    expect(model.of("ack")).toEqual([]);
  });

  test("are acknowledged several at once, the first at once and the last always", async () => {
    start();
    open();
    for (const id of [1, 2, 3, 4, 5]) model.say(frame(id, 1, [{ unit: 3, step: id }]), new ArrayBuffer(8));
    await settle();
    expect(model.of("ack").map(({ id }) => id)).toEqual([1]);
    await vi.waitFor(() => expect(model.of("ack").map(({ id }) => id)).toEqual([1, 5]));
  });

  test("are not drawn for a model that nobody looks at", async () => {
    start();
    open();
    closers.pop()?.();
    model.say(frame(1, 1, [{ unit: 3 }]), new ArrayBuffer(8));
    await settle();
    expect(model.of("ack")).toEqual([]);
  });
});

describe("what the user changes", () => {
  test("is on the screen at once and does not jump back to what Python says late", async () => {
    start();
    const root = open();
    model.answerAll();
    const slider = find(root, "unit-slider") as HTMLInputElement;
    for (const value of ["3", "5"]) {
      slider.value = value;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }
    model.set("unit", 3); // Python's answer to the first
    await settle();
    expect((find(root, "unit-number") as HTMLInputElement).value).toBe("5");
    await new Promise((resolve) => setTimeout(resolve, 120));
    model.answerAll();
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(model.of("set").at(-1)?.changes).toEqual({ unit: 5 });
  });

  test("is what Python makes of it once that has answered", async () => {
    start();
    const root = open();
    await settle();
    model.answerAll();
    find(root, "tile-5").click();
    model.set("unit", 4);
    model.answerAll();
    await settle();
    expect((find(root, "unit-number") as HTMLInputElement).value).toBe("4");
  });

  test("in a setting keeps the others, and a preset sets its numbers", async () => {
    start({ presets: { none: { noise: 0, max_degrees: 0 } } });
    const root = open();
    model.answerAll();
    const select = find(root, "setting-preset") as HTMLSelectElement;
    select.value = "none";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    expect(model.of("set").at(-1)?.changes.settings).toMatchObject({ preset: "none", max_degrees: 0, steps: 256 });
  });

  test("is not lost while it is being typed and the climb goes on", async () => {
    start();
    const root = open();
    await settle();
    const box = find(root, "unit-number") as HTMLInputElement;
    box.value = "2";
    box.dispatchEvent(new Event("input", { bubbles: true }));
    model.set("status", { ...(model.get("status") as object), phase: "climbing", finished: 1, total: 40 });
    model.set("code", { unit: "something else", grid: "" });
    await settle();
    expect(box.value).toBe("2");
    box.value = "25";
    box.dispatchEvent(new Event("input", { bubbles: true }));
    press(box, "Enter");
    expect(model.of("set").at(-1)?.changes).toEqual({ unit: 25 });
  });

  test("out of its limits is brought back into them", async () => {
    start();
    const root = open();
    model.answerAll();
    const box = find(root, "setting-size-number") as HTMLInputElement;
    box.value = "4000";
    box.dispatchEvent(new Event("change", { bubbles: true }));
    expect(model.of("set").at(-1)?.changes.settings?.size).toBe(1024);
  });
});

describe("the grid", () => {
  test("tells Python which tiles are in view, and holds no others", async () => {
    start({ layer: "stage1/conv", units: [...Array(2000).keys()], states: "w".repeat(2000) });
    const root = open();
    await settle();
    const visible = model.of("visible").at(-1)?.units ?? [];
    expect(visible[0]).toBe(0);
    expect(visible.length).toBeGreaterThan(20);
    expect(visible.length).toBeLessThan(60);
    expect(root.querySelectorAll("[role=option]").length).toBeLessThan(80);
  });

  test("that was hidden while it was laid out anew is where it was when it is shown again", async () => {
    const resized: (() => void)[] = [];
    class Observer {
      constructor(callback: () => void) {
        resized.push(callback);
      }
      observe(): void {}
      disconnect(): void {}
    }
    vi.stubGlobal("ResizeObserver", Observer);
    let pixels = 500;
    for (const name of ["clientWidth", "clientHeight"]) {
      Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get: () => pixels });
    }
    const observe = (): void => {
      for (const callback of resized) callback();
    };
    start({ layer: "stage1/conv", units: [...Array(2000).keys()], states: "w".repeat(2000) });
    const root = open();
    await settle();
    find(root, "grid").scrollTop = 20_000;
    find(root, "grid").dispatchEvent(new Event("scroll"));
    await settle();
    const first = (): string | undefined => root.querySelector<HTMLElement>("[data-index]")?.dataset.index;
    const before = first();
    expect(Number(before)).toBeGreaterThan(500);
    pixels = 600; // one column more, as while a theme is loaded
    observe();
    await settle();
    const { scrollTop } = find(root, "grid");
    expect(scrollTop).toBeLessThan(20_000);
    pixels = 500;
    observe();
    pixels = 0; // hidden before it is laid out again
    find(root, "grid").scrollTop = 0; // which is what a browser says of hidden elements
    await settle();
    pixels = 500;
    find(root, "grid").scrollTop = scrollTop;
    observe();
    await settle();
    expect(Number(first())).toBeGreaterThan(500);
    vi.unstubAllGlobals();
  });

  test("is walked by arrows, and Enter chooses", async () => {
    start();
    const root = open();
    await settle();
    model.answerAll();
    const grid = find(root, "grid");
    const activeTile = () => root.getElementById(grid.getAttribute("aria-activedescendant") ?? "")?.dataset.testid;
    expect(activeTile()).toBe("tile-0");
    expect(press(grid, "ArrowRight").defaultPrevented).toBe(true);
    press(grid, "ArrowDown");
    await settle();
    const moved = activeTile();
    expect(moved).toBe("tile-7");
    press(grid, "Enter");
    expect(model.of("set").at(-1)?.changes).toEqual({ unit: 7 });
  });

  test("keeps keys that mean something from the notebook, and no others", async () => {
    start();
    const root = open();
    await settle();
    let heard = 0;
    document.body.addEventListener("keydown", () => heard++);
    press(find(root, "grid"), "ArrowDown");
    press(find(root, "grid"), "Enter");
    expect(heard).toBe(0);
    expect(press(find(root, "grid"), "Tab").defaultPrevented).toBe(false);
    expect(heard).toBe(1);
  });

  test("pins by Space and lets go by Space", async () => {
    start();
    const root = open();
    await settle();
    model.answerAll();
    press(find(root, "grid"), " ");
    await settle();
    expect(model.of("set").at(-1)?.changes.pins).toEqual([{ layer: "stem/conv", unit: 0, sign: 1, generation: 0 }]);
    find(root, "tray-stem/conv:0");
    press(find(root, "grid"), " ");
    await settle();
    expect(root.querySelector('[data-testid="tray"]')).toBeNull();
  });

  test("selects with Ctrl and Shift, and a plain click leaves the selection alone", async () => {
    start();
    const root = open();
    await settle();
    const click = (unit: number, modifiers: MouseEventInit = {}) =>
      find(root, `tile-${unit}`).dispatchEvent(
        new MouseEvent("click", { bubbles: true, composed: true, ...modifiers }),
      );
    click(2, { ctrlKey: true });
    click(4, { shiftKey: true });
    click(9, { ctrlKey: true });
    click(3, { ctrlKey: true });
    click(8);
    await settle();
    expect(model.get("selection")).toEqual([2, 4, 9]);
    expect(find(root, "tile-4").getAttribute("aria-selected")).toBe("true");
    expect(model.get("unit")).toBe(8);
  });

  test("says states by words and shapes", async () => {
    start({ units: [0, 1, 2, 3, 4, 5], states: "wcdxvs" });
    const root = open();
    await settle();
    const tiles = [...root.querySelectorAll<HTMLElement>("[role=option]")];
    expect(tiles.map(({ dataset }) => dataset.state)).toEqual([
      "waiting",
      "climbing",
      "done",
      "dead",
      "diverged",
      "stopped",
    ]);
    expect(new Set(tiles.map((tile) => tile.querySelector(".mark")?.innerHTML)).size).toBe(6);
  });
});

describe("the layers", () => {
  test("open by a click, and until Python answers their tiles wait", async () => {
    start();
    const root = open();
    await settle();
    find(root, "layer-stage1/conv").click();
    await settle();
    expect(model.of("set").at(-1)?.changes.layer).toBe("stage1/conv");
    expect(find(root, "tile-0").dataset.state).toBe("waiting");
  });

  test("show the states of a layer that was finished before, once Python has answered", async () => {
    start();
    const root = open();
    await settle();
    model.answerAll();
    find(root, "layer-stage1/conv").click();
    await settle();
    model.set("units", [0, 1, 2]);
    model.set("states", "dxd");
    await settle();
    model.answerAll();
    await settle();
    expect(find(root, "tile-1").dataset.state).toBe("dead");
  });

  test("open by a link that is typed", async () => {
    start();
    const root = open();
    await settle();
    const search = find(root, "layer-search") as HTMLInputElement;
    search.value = "stage1/conv:1234";
    search.dispatchEvent(new Event("input", { bubbles: true }));
    press(search, "Enter");
    expect(model.of("set").at(-1)?.changes).toMatchObject({ layer: "stage1/conv", unit: 1234 });
  });

  test("open by a link to the unit that is chosen already shows its tile, and keys go on from there", async () => {
    start({ layer: "stage1/conv", units: [...Array(2000).keys()], unit: 1234, states: "w".repeat(2000) });
    const root = open();
    await settle();
    const grid = find(root, "grid");
    grid.scrollTop = 0;
    grid.dispatchEvent(new Event("scroll"));
    press(grid, "Home");
    await settle();
    expect(root.querySelector('[data-testid="tile-1234"]')).toBeNull();
    const search = find(root, "layer-search") as HTMLInputElement;
    search.value = "stage1/conv:1234";
    search.dispatchEvent(new Event("input", { bubbles: true }));
    press(search, "Enter");
    await settle();
    expect(find(root, "tile-1234")).toBeDefined();
    press(grid, "ArrowRight");
    press(grid, "Enter");
    await settle();
    expect((find(root, "unit-number") as HTMLInputElement).value).toBe("1235");
  });

  test("are searched with a slash from anywhere, and classes are found by name", async () => {
    start();
    const root = open();
    await settle();
    press(find(root, "grid"), "/");
    expect(root.activeElement).toBe(find(root, "layer-search"));
    const search = find(root, "layer-search") as HTMLInputElement;
    search.value = "straw";
    search.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    find(root, "class-2").click();
    expect(model.of("set").at(-1)?.changes).toMatchObject({ layer: "logits", unit: 2 });
  });

  test("and classes are text, whatever they are called", async () => {
    start({ layer: MARKUP, units: [0, 1, 2, 3], model_name: MARKUP, presets: { [MARKUP]: { noise: 0.1 } } });
    const root = open();
    await settle();
    expect(find(root, "layer-tree").textContent).toContain(MARKUP);
    expect(find(root, `layer-${MARKUP}`).title).toContain(MARKUP);
    expect(find(root, "model-name").textContent).toBe(MARKUP);
    expect(find(root, "setting-preset").textContent).toContain(MARKUP);
    expect(root.querySelector(".grid-title")?.textContent).toContain(MARKUP);
    press(find(root, "grid"), " ");
    await settle();
    expect(find(root, `tray-${MARKUP}:0`).textContent).toContain(MARKUP);
    expect(root.querySelector<HTMLElement>(".pinned-open")?.title).toContain(MARKUP);
    model.set("layer", "logits");
    model.set("unit", 1);
    model.set("error", MARKUP);
    model.set("status", { ...(model.get("status") as Traits["status"]), message: MARKUP });
    const advice = { generation: 1, message: MARKUP, stages: [], height: 0, width: 0, steps: [], scores: [] };
    model.say({ type: "unit", layer: "logits", unit: 1, sign: 1, ...advice });
    await settle();
    press(find(root, "grid"), "Home");
    press(find(root, "grid"), "ArrowRight");
    await settle();
    expect(find(root, "unit-name").textContent).toBe(MARKUP);
    expect(find(root, "error").textContent).toBe(MARKUP);
    expect(find(root, "progress-text").textContent).toContain(MARKUP);
    expect(find(root, "unit-message").textContent).toBe(MARKUP);
    expect(find(root, "tile-1").textContent).toContain(MARKUP);
    expect(find(root, "hover-readout").textContent).toContain(MARKUP);
    const search = find(root, "layer-search") as HTMLInputElement;
    for (const query of [MARKUP, `${MARKUP}?`]) {
      search.value = query;
      search.dispatchEvent(new Event("input", { bubbles: true }));
      await settle();
      expect(find(root, "layer-tree").textContent).toContain(query);
    }
    expect(root.querySelectorAll("img")).toHaveLength(0);
    expect(document.querySelectorAll("img")).toHaveLength(0);
  });
});

describe("the bar", () => {
  test("offers nothing that a kernel that is gone would have to do, and files from the page itself", async () => {
    start();
    const root = open();
    model.answerAll();
    model.say(frame(1, 1, [{ unit: 0 }]), new ArrayBuffer(8));
    await settle();
    model.gone = true;
    find(root, "restart").click();
    await settle();
    expect(find(root, "connection").textContent).toContain("kernel gone");
    expect(root.querySelectorAll(".commands button:not(:disabled)")).toHaveLength(0);
    expect(root.querySelector<HTMLFieldSetElement>(".settings fieldset")?.disabled).toBe(true);
    const saved = vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((done) => done(null));
    find(root, "download-positive").click();
    expect(saved).toHaveBeenCalledOnce();
    expect(model.of("file")).toEqual([]);
    saved.mockRestore();
  });

  test("offers what makes sense in each phase", async () => {
    start();
    const root = open();
    const status = model.get("status") as Traits["status"];
    for (const [phase, offered] of [
      ["idle", ["start", "restart"]],
      ["climbing", ["pause", "stop", "restart"]],
      ["paused", ["start", "stop", "restart"]],
      ["done", ["restart"]],
    ] as const) {
      model.set("status", { ...status, phase });
      await settle();
      const buttons = [...root.querySelectorAll<HTMLButtonElement>(".commands button:not(:disabled)")];
      expect(buttons.map(({ dataset }) => dataset.testid)).toEqual(offered);
    }
  });

  test("says how far it is, to the eye and to a screen reader", async () => {
    start();
    const root = open();
    await settle();
    const numbers = { phase: "climbing", finished: 3, total: 40, image_steps: 512, total_image_steps: 2048 };
    model.set("status", { ...(model.get("status") as object), ...numbers, seconds_left: 130, steps_per_second: 213.4 });
    await settle();
    expect(find(root, "progress-text").textContent).toBe("climbing · 3 of 40 · 2 min left · 213 steps/s");
    expect(find(root, "progress").getAttribute("aria-valuenow")).toBe("25");
    expect(find(root, "announcement").textContent).toBe("climbing, 25 %");
  });

  test("says that the kernel is gone when it restarts, and takes it back when something comes from it", async () => {
    start();
    const root = open();
    await settle();
    for (const listener of model.listeners.get("comm_live_update") ?? []) listener();
    await settle();
    expect(find(root, "connection").textContent).toBe("kernel gone; pictures stay");
    model.say({ type: "heard", serial: 1 });
    await settle();
    expect(find(root, "connection").textContent).toBe("");
  });

  test("says that the kernel is gone when its comm is closed, and the tiles stay", async () => {
    start();
    const root = open();
    await settle();
    model.gone = true;
    find(root, "restart").click();
    await settle();
    expect(find(root, "connection").textContent).toBe("kernel gone; pictures stay");
    find(root, "tile-3");
  });
});

describe("the smaller widgets", () => {
  test.each([
    ["grid", ["grid", "start"], ["layer-search", "unit-slider", "settings"]],
    ["unit", ["unit-slider", "score-curve", "stages"], ["grid", "layer-search"]],
    ["progress", ["grid", "stop", "progress"], ["start", "layer-search", "unit-slider"]],
  ] as const)("%s has its panels and no others", async (kind, present, absent) => {
    start({ kind });
    const root = open();
    await settle();
    for (const testid of present) find(root, testid);
    for (const testid of absent) expect(root.querySelector(`[data-testid="${testid}"]`)).toBeNull();
  });
});

describe("a bench", () => {
  test("shows presets by name, what was measured under each, and only the shared numbers", async () => {
    start({
      kind: "bench",
      layers: [layer("block3:12", 2, "presets")],
      class_names: { presets: ["lucid", MARKUP] },
      layer: "block3:12",
      units: [0, 1],
      states: "dc",
      measures: [{ name: "robustness", meaning: "Share of the score that is left", values: [0.8125, null] }],
    });
    const root = open();
    await settle();
    expect(root.querySelector(".layers")).toBeNull();
    expect(find(root, "tile-0").textContent).toContain("lucid");
    expect(find(root, "measure-0-robustness").textContent).toBe("robustness0.813");
    expect(find(root, "measure-1-robustness").textContent).toBe("robustness–");
    const controls = [...root.querySelectorAll<HTMLElement>("[data-testid^=setting-][type=range]")];
    expect(controls.map(({ dataset }) => dataset.testid)).toEqual(["setting-steps", "setting-size"]);
    expect(root.querySelector("[data-testid=setting-preset], [data-testid=from-scratch]")).toBeNull();
    press(find(root, "grid"), "ArrowRight");
    press(find(root, "grid"), "Enter");
    await settle();
    expect(model.of("set").at(-1)?.changes).toEqual({ unit: 1 });
    expect(find(root, "unit-name").textContent).toBe(MARKUP);
    expect(find(root, "hover-readout").textContent).toContain(`preset ${MARKUP}`);
    expect(root.querySelectorAll("img")).toHaveLength(0);
  });
});

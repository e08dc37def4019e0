import { afterEach, beforeEach } from "vitest";
import makeWidget, { type Widget } from "../src/index";
import type { Frame, FrameTile } from "../src/messages";
import type { Traits } from "../src/traits";
import { prepareBrowser } from "./browser";
import { layer, TestModel } from "./model";

export const MARKUP = "<img src=x onerror=alert(1)>";
const LAYERS = [layer("stem/conv", 40), layer("stage1/conv", 2000), layer(MARKUP, 4), layer("logits", 3, "classes")];
const CLASSES = ["tench", MARKUP, "strawberry"];

// A widget over a model that answers nothing by itself; what a test of an importing file opens is closed after it.
export let model: TestModel;
export let widget: Widget;
export let end: () => void;
export let closers: (() => void)[];

export function start(traits: Partial<Traits> = {}): void {
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

export function open(): ShadowRoot {
  const element = document.createElement("div");
  document.body.append(element);
  closers.push(widget.render({ model, el: element }));
  return element.querySelector(".jaxviz-live")?.shadowRoot as ShadowRoot;
}

export function find(root: ParentNode, testid: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
  if (!found) throw new Error(`There is no ${testid}.`);
  return found;
}

export function press(target: HTMLElement, key: string, modifiers: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true, ...modifiers });
  target.dispatchEvent(event);
  return event;
}

export function frame(id: number, generation: number, tiles: Partial<FrameTile>[], of = "stem/conv"): Frame {
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

import { afterEach, beforeEach, expect, test } from "vitest";
import type { Frame } from "../src/messages";
import { openPage } from "../src/page";
import { DEFAULTS, type Sign } from "../src/traits";
import { prepareBrowser, settle } from "./browser";
import { layer } from "./model";

function frame(of: string, units: number[], sign: Sign = 1, generation = 1): { content: Frame; buffers: string[] } {
  const tiles = units.map((unit) => ({ unit, sign, step: 64, score: 2, state: "d" as const }));
  const content = { type: "frame" as const, id: 1, layer: of, generation, height: 64, width: 64, columns: 4, tiles };
  return { content, buffers: [btoa("a JPEG")] };
}

const NAMES = ["cat", "tench", "otter"];
let close: () => void;
let root: ShadowRoot;

beforeEach(async () => {
  prepareBrowser();
  const element = document.createElement("div");
  document.body.append(element);
  const layers = [layer("one", 8), layer("two", 8), layer("three", 8), layer("four", 3, "animals")];
  const unit = { unit: 5, sign: 1 as const, generation: 1, message: "", stages: [0, 64], height: 64, width: 64 };
  close = openPage({
    element,
    traits: { ...DEFAULTS, layers, class_names: { animals: NAMES }, layer: "one", units: [0, 1, 2], states: "ddd" },
    messages: [
      frame("four", [0, 1]),
      frame("one", [0, 1, 2]),
      frame("two", [7, 5, 19]),
      frame("two", [7], -1),
      frame("one", [2, 3, 4], 1, 0), // of older settings, for a pin
      {
        content: { type: "unit", layer: "two", ...unit, steps: [0, 32, 64], scores: [0, 1, 2] },
        buffers: [btoa("a JPEG")],
      },
    ],
  });
  root = element.firstElementChild?.shadowRoot as ShadowRoot;
  await settle();
});

afterEach(() => {
  close();
  document.body.replaceChildren();
});

const find = (testid: string) => root.querySelector<HTMLElement>(`[data-testid="${testid}"]`);

test("an exported page hides what needs a kernel", () => {
  for (const testid of ["start", "stop", "settings", "copy-code-unit", "copy-code-grid"])
    expect(find(testid)).toBeNull();
  expect(find("connection")?.textContent).toBe("");
});

test("an exported page opens the layers that were exported, and no others", async () => {
  expect(find("layer-three")?.getAttribute("aria-disabled")).toBe("true");
  find("layer-three")?.click();
  await settle();
  expect(find("tile-2")).not.toBeNull();
  find("layer-two")?.click();
  await settle();
  const tiles = [...root.querySelectorAll<HTMLElement>("[role=option]")];
  expect(tiles.map(({ dataset }) => [dataset.testid, dataset.state])).toEqual([
    ["tile-5", "done"],
    ["tile-7", "done"],
    ["tile-19", "done"],
  ]);
});

test("an exported page shows the newest pictures of a layer when one comes back to it", async () => {
  for (const name of ["layer-two", "layer-one"]) {
    find(name)?.click();
    await settle();
  }
  const tiles = [...root.querySelectorAll<HTMLElement>("[role=option]")];
  expect(tiles.map(({ dataset }) => dataset.testid)).toEqual(["tile-0", "tile-1", "tile-2"]);
});

test("an exported page keeps no place for pictures that were never made", async () => {
  expect(find("stages")).toBeNull(); // of unit 0 there is one picture, and no negative
  expect(find("unit-positive")).not.toBeNull();
  expect(find("unit-negative")).toBeNull();
  find("layer-two")?.click();
  await settle();
  expect(find("stages")?.querySelectorAll("canvas")).toHaveLength(1);
  const steps = [...root.querySelectorAll<HTMLElement>(".stage-steps > span")];
  expect(steps.map(({ textContent, style }) => [textContent, style.width])).toEqual([
    ["0", "96px"],
    ["64", "96px"],
  ]);
  find("tile-7")?.click();
  await settle();
  expect(find("unit-negative")).not.toBeNull();
});

test("an exported page finds units beyond those that it holds, and takes the closest", async () => {
  find("layer-two")?.click();
  await settle();
  const box = find("unit-number") as HTMLInputElement;
  expect(box.max).toBe("19");
  for (const [typed, found] of [
    ["17", "19"],
    ["2", "5"],
  ] as const) {
    box.value = typed;
    box.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(find(`tile-${found}`)?.getAttribute("aria-current")).toBe("true");
    expect(box.value).toBe(found);
  }
});

async function search(text: string): Promise<void> {
  const box = find("layer-search") as HTMLInputElement;
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  await settle();
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, composed: true }));
  await settle();
}

test.each([
  ["two:6", "5", "This page does not hold unit 6; the closest is 5."],
  ["one:7", "2", "This page does not hold unit 7; the closest is 2."],
  ["one:1", "1", ""],
  ["three:1", "0", "This page does not hold that layer."],
])("an exported page opens the link %s at unit %s and says so", async (link, unit, words) => {
  await search(link);
  expect((find("unit-number") as HTMLInputElement).value).toBe(unit);
  expect(find(`tile-${unit}`)?.getAttribute("aria-current")).toBe("true");
  expect(find("unit-positive")).not.toBeNull();
  expect(find("search-note")?.textContent ?? "").toBe(words);
});

test("an exported page opens no class that it does not hold", async () => {
  await search("otter");
  expect(find("class-2")?.getAttribute("aria-disabled")).toBe("true");
  expect(find("tile-0")).not.toBeNull();
  await search("tench");
  expect((find("unit-number") as HTMLInputElement).value).toBe("1");
});

test("an exported page shows pictures that are not square as they are", async () => {
  const wide = frame("one", [0]);
  Object.assign(wide.content, { height: 32 });
  const element = document.createElement("div");
  const closeWide = openPage({
    element,
    traits: { ...DEFAULTS, layers: [layer("one", 1)], layer: "one", units: [0], states: "d" },
    messages: [wide],
  });
  await settle();
  const tile = element.firstElementChild?.shadowRoot?.querySelector<HTMLElement>(".tile > .frame");
  expect(tile?.style.height).toBe("48px");
  closeWide();
});

test("a page that was exported amid a climb is not climbing", async () => {
  const climbing = frame("one", [0, 1, 2]);
  for (const tile of climbing.content.tiles) tile.state = "c";
  const status = { ...DEFAULTS.status, phase: "climbing" as const, steps_per_second: 120 };
  const element = document.createElement("div");
  const layers = [layer("one", 8), layer("two", 8)];
  const closeClimbing = openPage({
    element,
    traits: { ...DEFAULTS, layers, layer: "one", units: [0, 1, 2], states: "cdw", status },
    messages: [climbing, frame("two", [1])],
  });
  await settle();
  const shadow = element.firstElementChild?.shadowRoot as ShadowRoot;
  const states = () => [...shadow.querySelectorAll<HTMLElement>("[role=option]")].map(({ dataset }) => dataset.state);
  expect(states()).toEqual(["stopped", "done", "waiting"]);
  expect(shadow.querySelector("[data-testid=steps-per-second]")?.textContent).toBe("");
  for (const name of ["two", "one"]) shadow.querySelector<HTMLElement>(`[data-testid=layer-${name}]`)?.click();
  await settle();
  expect(states()).toEqual(["stopped", "stopped", "stopped"]);
  closeClimbing();
});

test("an exported page has curves, stages, a slider and pins", async () => {
  find("layer-two")?.click();
  await settle();
  expect(find("score-curve")?.querySelector(".line.positive")?.getAttribute("d")).toMatch(/^M0\.0 .*L/);
  expect(find("stages")?.getAttribute("aria-valuetext")).toBe("step 64");
  const slider = find("unit-slider") as HTMLInputElement;
  slider.value = "1";
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await settle();
  expect(find("tile-7")?.getAttribute("aria-current")).toBe("true");
  find("pin-positive")?.click();
  await settle();
  expect(find("tray-two:7")).not.toBeNull();
});

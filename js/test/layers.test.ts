import { describe, expect, test } from "vitest";
import type { Traits } from "../src/traits";
import { settle } from "./browser";
import { find, MARKUP, model, open, press, start } from "./harness";

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

  test("that are found are walked from the first", async () => {
    start({ layer: "logits", units: [0, 1, 2] });
    const root = open();
    await settle();
    const search = find(root, "layer-search") as HTMLInputElement;
    search.value = "conv";
    search.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    press(search, "ArrowDown");
    press(find(root, "layer-tree"), "Enter");
    expect(model.of("set").at(-1)?.changes.layer).toBe("stem/conv");
    press(find(root, "layer-tree"), "ArrowRight");
    expect(root.activeElement).toBe(find(root, "grid"));
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
    press(find(root, "grid"), "/"); // what is typed now replaces what was searched before
    expect([search.selectionStart, search.selectionEnd]).toEqual([0, "straw".length]);
  });

  test("of classes have them in the tray by name", async () => {
    start({ layer: "logits", units: [0, 1, 2], unit: 2 });
    const root = open();
    await settle();
    find(root, "pin-negative").click();
    await settle();
    expect(find(root, "tray-logits:-2").textContent).toBe("strawberry−2");
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

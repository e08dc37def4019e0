import { describe, expect, test } from "vitest";
import { settle } from "./browser";
import { find, MARKUP, model, open, press, start } from "./harness";
import { layer } from "./model";

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
    expect(find(root, "hover-score").textContent).toBe(`${MARKUP}–`);
    expect(root.querySelector("[data-testid=copy-link]")).toBeNull(); // a preset is no unit
    press(find(root, "grid"), " ");
    await settle();
    expect(find(root, "tray-block3:12:1").textContent).toBe(MARKUP);
    expect(root.querySelectorAll("img")).toHaveLength(0);
  });
});

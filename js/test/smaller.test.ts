import { describe, expect, test, vi } from "vitest";
import type { Dial } from "../src/traits";
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

  const dial = (name: string, value: number): Dial => ({
    name,
    label: `The ${name}`,
    meaning: "What it means",
    value,
    least: 0,
    greatest: 1,
    low: 0,
    high: 1,
    step: 0,
  });

  const bench = (): ShadowRoot => {
    start({
      kind: "bench",
      layers: [layer("block3:12", 2, "presets")],
      class_names: { presets: ["lucid", `${MARKUP} (decay 0.5)`], "presets@1": ["lucid", MARKUP] },
      layer: "block3:12",
      units: [0, 1],
      unit: 1,
      states: "dd",
      dials: [
        { preset: "lucid", dials: [dial("noise", 0)] },
        { preset: MARKUP, dials: [dial("decay", 0.25), dial("noise", 0)] },
      ],
      numbers: { [MARKUP]: { decay: 0.5 } },
      pins: [
        { layer: "block3:12", unit: 1, sign: 1, generation: 1 },
        { layer: "block3:12", unit: 1, sign: 1, generation: 2 },
      ],
    });
    return open();
  };

  test("has a slider for each number of the chosen preset, which is begun again by moving one", async () => {
    const root = bench();
    await settle();
    const dials = find(root, "dials");
    expect(dials.textContent).toContain(MARKUP);
    expect(find(root, "dial-decay").getAttribute("aria-valuetext")).toBe("0.5");
    expect(find(root, "dial-noise").getAttribute("aria-valuetext")).toBe("0");
    const noise = find(root, "dial-noise") as HTMLInputElement;
    noise.value = "1";
    noise.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    const moved = model.of("set").at(-1)?.changes.numbers?.[MARKUP];
    expect(moved?.decay).toBe(0.5);
    expect(moved?.noise).toBeCloseTo(1e-5);
    model.answerAll();
    await settle();
    find(root, "dials-reset").click();
    await vi.waitFor(() => expect(model.of("set").at(-1)?.changes).toEqual({ numbers: {} }));
    expect((find(root, "dials-reset") as HTMLButtonElement).disabled).toBe(true);
    expect(find(root, "dial-decay").getAttribute("aria-valuetext")).toBe("0.25");
    expect(root.querySelectorAll("img")).toHaveLength(0);
  });

  test("names a pinned picture by the numbers that it had", async () => {
    const root = bench();
    await settle();
    const names = [...find(root, "tray").querySelectorAll(".tile-name")].map((name) => name.textContent);
    expect(names).toEqual([MARKUP, `${MARKUP} (decay 0.5)`]);
  });
});

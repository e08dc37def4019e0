import { describe, expect, test, vi } from "vitest";
import { settle } from "./browser";
import { find, model, open, press, start } from "./harness";

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

  test("is walked from the chosen unit when the units of a layer come after its name", async () => {
    start({ units: [5, 9, 12], unit: 9, states: "ccc" });
    const root = open();
    await settle();
    model.answerAll();
    find(root, "layer-stage1/conv").click();
    await settle();
    model.set("units", [...Array(2000).keys()]);
    model.answerAll();
    await settle();
    press(find(root, "grid"), "ArrowRight");
    press(find(root, "grid"), "Enter");
    expect(model.get("unit")).toBe(10);
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

  test("leaves the keys in the tray when a pinned tile is removed, and in the grid when the last is", async () => {
    start();
    const root = open();
    await settle();
    const grid = find(root, "grid");
    for (const key of [" ", "ArrowRight", " "]) press(grid, key);
    await settle();
    const remove = async (unit: number): Promise<void> => {
      find(root, `unpin-stem/conv:${unit}`).focus();
      find(root, `unpin-stem/conv:${unit}`).click();
      await settle();
    };
    await remove(0);
    expect(root.activeElement?.closest("li")).toBe(find(root, "tray-stem/conv:1"));
    await remove(1);
    expect(root.activeElement).toBe(grid);
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

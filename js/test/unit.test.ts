import { expect, test, vi } from "vitest";
import { settle } from "./browser";
import { find, frame, model, open, press, start } from "./harness";

/** A canvas that knows only whether something is drawn on it. */
class Drawing {
  isEmpty = true;
  clearRect(): void {
    this.isEmpty = true;
  }
  drawImage(): void {
    this.isEmpty = false;
  }
  fillRect(): void {}
}

test("the Python of a unit cannot be copied until the kernel has said it, and nor can that of the grid", async () => {
  start({ code: { unit: "of unit 0", grid: "of the grid" } });
  const root = open();
  model.answerAll();
  await settle();
  const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  const copy = async (what: "unit" | "grid"): Promise<HTMLElement> => {
    const button = find(root, `copy-code-${what}`);
    button.click();
    await settle();
    return button;
  };
  find(root, "tile-3").click();
  await settle();
  for (const what of ["unit", "grid"] as const) {
    const button = await copy(what);
    expect([button.getAttribute("aria-disabled"), button.title]).toEqual(["true", "Waiting for the kernel"]);
  }
  expect(write).not.toHaveBeenCalled();
  model.set("code", { unit: "of unit 3", grid: "of the grid" });
  model.answerAll();
  await settle();
  expect((await copy("unit")).getAttribute("aria-disabled")).toBe(null);
  expect(write).toHaveBeenLastCalledWith("of unit 3");
  find(root, "tile-size").dispatchEvent(new Event("input"));
  await settle();
  expect(find(root, "copy-code-grid").getAttribute("aria-disabled")).toBe(null);
  write.mockRestore();
});

test("a unit without a picture shows nothing of the unit before it, of which a frame still comes", async () => {
  const drawings = new WeakMap<HTMLCanvasElement, Drawing>();
  const context = vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(function (
    this: HTMLCanvasElement,
  ) {
    const drawing = drawings.get(this) ?? new Drawing();
    drawings.set(this, drawing);
    return drawing as unknown as null;
  });
  start();
  const root = open();
  await settle();
  const canvas = find(root, "unit-positive").querySelector("canvas") as HTMLCanvasElement;
  model.say(frame(1, 1, [{ unit: 0 }]), new ArrayBuffer(8));
  await settle();
  expect(drawings.get(canvas)?.isEmpty).toBe(false);
  model.set("unit", 5);
  model.say(frame(2, 1, [{ unit: 0, step: 9 }]), new ArrayBuffer(8));
  await settle();
  expect(drawings.get(canvas)?.isEmpty).toBe(true);
  context.mockRestore();
});

test("what is downloaded is what is shown: the stage that is replayed, or else the newest picture from Python", async () => {
  start();
  const root = open();
  await settle();
  const numbers = { generation: 1, message: "", stages: [0, 4, 16], height: 64, width: 64, steps: [], scores: [] };
  model.say({ type: "unit", layer: "stem/conv", unit: 0, sign: 1, ...numbers }, new ArrayBuffer(8));
  await settle();
  const names: string[] = [];
  vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((done) => done(new Blob()));
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    names.push(this.download);
  });
  press(find(root, "stages"), "ArrowLeft");
  await settle();
  find(root, "download-positive").click();
  await settle();
  expect(names).toEqual(["stem-conv_0_positive_step-4.png"]);
  expect(model.of("file")).toEqual([]);
  press(find(root, "stages"), "Escape");
  await settle();
  find(root, "download-positive").click();
  expect(model.of("file")).toMatchObject([{ what: "unit", layer: "stem/conv", unit: 0, sign: 1 }]);
  expect(names).toHaveLength(1);
  vi.restoreAllMocks();
});

test("the slider stands at a chosen unit that is not in the grid, and goes on to those that are", async () => {
  start({ units: [0, 1, 2], unit: 7 });
  const root = open();
  await settle();
  const slider = find(root, "unit-slider") as HTMLInputElement;
  expect([slider.value, slider.max]).toEqual(["3", "3"]);
  slider.value = "2";
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await settle();
  expect(model.get("unit")).toBe(2);
  expect([slider.value, slider.max]).toEqual(["2", "2"]);
});

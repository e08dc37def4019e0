import { expect, test, vi } from "vitest";
import { settle } from "./browser";
import { find, frame, model, open, start } from "./harness";

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

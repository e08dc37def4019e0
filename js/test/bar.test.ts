import { describe, expect, test, vi } from "vitest";
import type { Traits } from "../src/traits";
import { settle } from "./browser";
import { find, frame, model, open, start } from "./harness";

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

  test("keeps the keys where they are when what has them means nothing any more", async () => {
    start({ selection: [1, 2] });
    const root = open();
    const status = model.get("status") as Traits["status"];
    model.set("status", { ...status, phase: "climbing" });
    await settle();
    const stop = find(root, "stop") as HTMLButtonElement;
    stop.focus();
    stop.click();
    model.set("status", { ...status, phase: "stopped" });
    await settle();
    expect([stop.disabled, stop.getAttribute("aria-disabled")]).toEqual([false, "true"]);
    stop.click();
    expect(model.of("command")).toHaveLength(1);
    find(root, "select-none").focus();
    await settle();
    expect(stop.disabled).toBe(true);
    find(root, "select-none").click();
    await settle();
    expect(root.activeElement).toBe(find(root, "grid"));
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

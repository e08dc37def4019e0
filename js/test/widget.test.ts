import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { prepareBrowser, settle } from "./browser";
import { closers, end, find, frame, model, open, press, start, widget } from "./harness";

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

  test.each([false, true])("speak of one layer only; the other view is hidden: %s", async (isHidden) => {
    start({ layer: "stage1/conv", units: [...Array(2000).keys()], states: "w".repeat(2000) });
    const [one, two] = [open(), open()];
    await settle();
    const answer = async (): Promise<void> => {
      for (let round = 0; round < 3; round += 1) {
        model.answerAll();
        await new Promise((resolve) => setTimeout(resolve, 120));
        await settle();
      }
    };
    for (const root of [one, two]) {
      find(root, "grid").scrollTop = 20_000;
      find(root, "grid").dispatchEvent(new Event("scroll"));
    }
    await answer();
    if (isHidden) Object.defineProperty(find(two, "grid"), "clientHeight", { configurable: true, get: () => 0 });
    const said: object[] = [];
    vi.spyOn(model, "send").mockImplementation((content) => {
      said.push(content as object);
      model.sent.push(content as never);
    });
    find(one, "layer-logits").click();
    await settle();
    model.set("units", [0, 1, 2]);
    await answer();
    const visible = said.flatMap((message) => ("units" in message ? [message] : []));
    expect(visible.length).toBeGreaterThan(0);
    for (const message of visible) expect(message).toMatchObject({ layer: "logits" });
    expect(visible.at(-1)).toMatchObject({ type: "visible", units: [0, 1, 2] });
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

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Command, Outgoing } from "../src/messages";
import { type Connection, Outbox } from "../src/outbox";

let sent: (Outgoing & { serial?: number })[];
let connections: Connection[];
let gone: boolean;
let outbox: Outbox;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  connections = [];
  gone = false;
  outbox = new Outbox(
    (message) => {
      if (gone) throw new Error("The comm is closed.");
      sent.push(message);
    },
    (connection) => connections.push(connection),
  );
});

afterEach(() => {
  outbox.close();
  vi.useRealTimers();
});

const setUnit = (unit: number) => outbox.post({ type: "set", changes: { unit } });
const lastSerial = () => sent.at(-1)?.serial ?? 0;

test("the first change leaves at once, and of those made meanwhile only the last leaves when it was heard", () => {
  for (let unit = 1; unit <= 40; unit++) {
    setUnit(unit);
    vi.advanceTimersByTime(16);
  }
  expect(sent).toHaveLength(1);
  outbox.heard(lastSerial());
  expect(sent.map((message) => message.type === "set" && message.changes.unit)).toEqual([1, 40]);
});

test.each(["alive", "ack"] as const)("a kernel that refuses even what needs no answer is gone: %s", (type) => {
  gone = true;
  outbox.post(type === "alive" ? { type, views: ["a"] } : { type, id: 3 });
  expect(connections).toEqual(["gone"]);
});

test("what waits leaves soon, however much comes from Python meanwhile", () => {
  setUnit(1);
  outbox.heard(lastSerial());
  setUnit(2); // too soon after the first
  expect(sent).toHaveLength(1);
  for (let frame = 0; frame < 10; frame++) {
    vi.advanceTimersByTime(30);
    outbox.signOfLife();
  }
  expect(sent).toHaveLength(2);
});

test("changes of different traits travel together", () => {
  setUnit(1);
  setUnit(2);
  outbox.post({ type: "set", changes: { layer: "conv" } });
  vi.advanceTimersByTime(100);
  outbox.heard(lastSerial());
  expect(sent.at(-1)).toMatchObject({ type: "set", changes: { unit: 2, layer: "conv" } });
});

test("a message that is never heard of does not hold back the next for ever", () => {
  setUnit(1);
  setUnit(2);
  vi.advanceTimersByTime(7000);
  expect(sent).toHaveLength(2);
});

test("a command never overtakes what was set before it", () => {
  setUnit(1);
  setUnit(2);
  outbox.post({ type: "command", command: "start" });
  expect(sent.map(({ type }) => type)).toEqual(["set", "set", "command"]);
});

test("different commands are all sent, in order", () => {
  outbox.post({ type: "command", command: "restart" });
  outbox.post({ type: "command", command: "stop" });
  expect(sent.map((message) => message.type === "command" && message.command)).toEqual(["restart", "stop"]);
});

describe("commands", () => {
  const said = () => sent.map((message) => (message.type === "command" ? message.command : message.type));
  const order = (...commands: Command[]): void => {
    for (const command of commands) outbox.post({ type: "command", command });
  };

  test("are heard in the order of the clicks: a second restart does not undo the stop after it", () => {
    order("restart", "restart", "stop");
    vi.advanceTimersByTime(1000);
    outbox.heard(lastSerial());
    vi.advanceTimersByTime(10_000);
    expect(said()).toEqual(["restart", "stop"]);
    order("restart", "pause", "restart", "stop");
    expect(said().slice(2)).toEqual(["restart", "pause", "restart", "stop"]);
  });

  test("are not said again until they were heard, unless something was set between", () => {
    order("stop", "stop");
    setUnit(1);
    order("stop", "stop");
    outbox.heard(lastSerial());
    order("stop");
    expect(said()).toEqual(["stop", "set", "stop", "stop"]);
  });

  test("that were lost are said again", () => {
    order("stop");
    vi.advanceTimersByTime(7000);
    order("stop");
    expect(said()).toEqual(["stop", "stop"]);
  });
});

test("a trait is the user's until Python has heard the last change of it", () => {
  setUnit(1);
  const first = lastSerial();
  setUnit(2);
  vi.advanceTimersByTime(100);
  expect(outbox.heard(first)).toEqual([]);
  expect(outbox.isEdited("unit")).toBe(true);
  expect(outbox.heard(lastSerial())).toEqual(["unit"]);
  expect(outbox.isEdited("unit")).toBe(false);
});

test("a frame's acknowledgement leaves at once and awaits nothing", () => {
  outbox.post({ type: "ack", id: 7 });
  outbox.post({ type: "ack", id: 8 });
  expect(sent).toEqual([
    { type: "ack", id: 7 },
    { type: "ack", id: 8 },
  ]);
  vi.advanceTimersByTime(60_000);
  expect(connections).toEqual([]);
});

test("a kernel that does not answer is busy after 3 seconds and gone after 20", () => {
  setUnit(1);
  vi.advanceTimersByTime(2900);
  expect(connections).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(connections).toEqual(["busy"]);
  vi.advanceTimersByTime(18_000);
  expect(connections).toEqual(["busy", "gone"]);
  outbox.heard(lastSerial());
  expect(connections.at(-1)).toBe("answering");
});

test("a kernel that sends pictures but does not listen is busy, never gone", () => {
  setUnit(1);
  for (let second = 0; second < 60; second++) {
    vi.advanceTimersByTime(1000);
    outbox.signOfLife();
  }
  expect(connections).toEqual(["busy"]);
});

test("a closed comm means that the kernel is gone, until something comes from it", () => {
  gone = true;
  setUnit(1);
  expect(connections).toEqual(["gone"]);
  gone = false;
  outbox.signOfLife();
  expect(connections.at(-1)).not.toBe("gone");
});

test("nothing is expected while nothing was asked", () => {
  setUnit(1);
  outbox.heard(lastSerial());
  vi.advanceTimersByTime(100_000);
  expect(connections).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a closed outbox leaves no timer behind", () => {
  setUnit(1);
  setUnit(2);
  outbox.close();
  expect(vi.getTimerCount()).toBe(0);
});
